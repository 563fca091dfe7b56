// npm run build && STORE_URL=redis://127.0.0.1:6379 node benchmark/end-bus.mjs
// What endBus changes: event streams in one process, sign-outs in another, with and without it. Takes six minutes.
// STORE_URL=postgres://... needs the table of connect-pg-simple.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { get, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

const url = process.env.STORE_URL
const kind = url.startsWith('redis') ? 'redis' : 'postgres'
const connections = Number(process.env.CONNECTIONS ?? 1000)
const minutes = Number(process.env.MINUTES ?? 5)
const signOuts = 100

const modes = await Promise.all(['without endBus', 'with endBus'].map(async mode => [mode, await measure(mode === 'with endBus')]))
console.log(`${connections} connections, each of a session of its own, on ${kind}, node ${process.version}`)
console.table(Object.fromEntries(modes))

async function measure (withBus) {
  const [here, there] = await Promise.all([start(withBus), start(withBus)])
  const streams = []
  for (let count = 0; count < connections; count++) {
    const cookie = String((await there.post('/sign-in')).headers['set-cookie']).split(';')[0]
    streams.push({ cookie, stream: await here.open(cookie) })
  }
  // Each is looked up once after half a minute.
  await pause(40_000)
  const reads = await here.reads()
  await pause(minutes * 60_000)
  const lookUps = (await here.reads() - reads) / minutes
  const delays = await Promise.all(streams.slice(0, signOuts).map(async ({ cookie, stream }, index) => {
    await pause(index * 20)
    const over = once(stream, 'close')
    await there.post('/sign-out', cookie)
    const at = performance.now()
    await over
    return performance.now() - at
  }))
  for (const { child } of [here, there]) child.kill()
  delays.sort((one, other) => one - other)
  return {
    'look-ups a minute': Math.round(lookUps),
    'from sign-out to end of stream, median ms': Number(delays[signOuts / 2].toFixed(1)),
    'at most, ms': Number(delays.at(-1).toFixed(1))
  }
}

async function start (withBus) {
  const child = fork(new URL('../test/stores/end-bus-process.mjs', import.meta.url), [kind, withBus ? 'yes' : 'no'])
  const [port] = await once(child, 'message')
  const to = (path, cookie) => ({ port, host: '127.0.0.1', path, agent: false, headers: cookie ? { cookie } : {} })
  return {
    child,
    async reads () {
      child.send('reads')
      return (await once(child, 'message'))[0]
    },
    async post (path, cookie) {
      const [response] = await once(request({ ...to(path, cookie), method: 'POST' }).end(), 'response')
      return response.resume()
    },
    async open (cookie) {
      const [response] = await once(get(to('/stream', cookie)), 'response')
      return response.on('error', () => {}).resume()
    }
  }
}
