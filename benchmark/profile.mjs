// node benchmark/profile.mjs: in which functions of the plugin the server spends its time, us a request.
import { pathToFileURL } from 'node:url'
import { startServer } from './processes.mjs'

const plugin = new URL('../dist/', import.meta.url).href

/** Self time, by the sampling profiler of V8; calls that the compiler has inlined count for whom they are inlined into. */
export async function profilePlugin () {
  const amount = 50_000
  const server = await startServer('ours-endpoint', 'memory', 100)
  await server.spend(20_000)
  const { nodes, samples, timeDeltas } = await server.profile(amount)
  server.stop()
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const spent = new Map()
  for (const [index, sample] of samples.entries()) {
    const { functionName, url } = frames.get(sample)
    if (url.startsWith(plugin)) spent.set(functionName, (spent.get(functionName) ?? 0) + timeDeltas[index] / amount)
  }
  const functions = [...spent].map(([name, us]) => ({ name, us })).sort((one, other) => other.us - one.us)
  return { functions, amount }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.table((await profilePlugin()).functions.map(({ name, us }) => ({ name, us: Number(us.toFixed(2)) })))
  process.exit()
}
