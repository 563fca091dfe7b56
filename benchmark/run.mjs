// npm run benchmark [-- --quick]: every contender on every store with every payload; writes RESULTS.md.
import { writeFileSync } from 'node:fs'
import { contenders, names, payloads, stores } from './contenders.mjs'
import { compareCpu } from './cpu.mjs'
import { measureHooks } from './hooks.mjs'
import { measureLatency } from './latency.mjs'
import { startRedis } from './processes.mjs'
import { profilePlugin } from './profile.mjs'
import { report } from './report.mjs'
import { compareThroughput, measureScale, measureSizes } from './throughput.mjs'

const quick = process.argv.includes('--quick')
const effort = quick
  ? { rounds: 2, bursts: 20, processes: 2, slices: 6, requests: 500, latencies: 100, sessions: 100_000 }
  : { rounds: 3, bursts: 30, processes: 5, slices: 12, requests: 1000, latencies: 500, sessions: 300_000 }
const { rounds, bursts, processes, slices, requests, latencies, sessions } = effort

const redisUrl = await startRedis()
const cases = []
for (const store of Object.keys(stores)) {
  for (const payload of payloads) {
    const cpu = await compareCpu({ store, payload, redisUrl, processes, slices, requests })
    const throughput = await compareThroughput({ store, payload, redisUrl, rounds, bursts })
    cases.push({ store, payload, rows: Object.fromEntries(names.map(name => [name, { ...throughput[name], ...cpu[name] }])) })
    console.log(`${store}, ${payload} bytes:`, names.map(name => `${name} ${cpu[name].share.toFixed(3)}`).join(', '))
  }
}
const profile = await profilePlugin()
const latency = []
for (const store of Object.keys(stores)) {
  for (const payload of [100, 4096]) latency.push({ store, payload, kinds: await measureLatency({ store, payload, redisUrl, requests: latencies }) })
}
const hooks = await measureHooks()
const scale = await measureScale(sessions)
const sizes = await measureSizes(rounds)

writeFileSync(new URL('RESULTS.md', import.meta.url), report({ contenders, stores, effort, cases, profile, latency, hooks, scale, sizes }))
console.log('written to benchmark/RESULTS.md')
process.exit()
