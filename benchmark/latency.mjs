// node benchmark/latency.mjs: how long the one request takes that touches, and the one that ends the session, beside a common one.
// One connection, one request at a time, as a user's browser meets it: what the plugin does at its rare moments is waited for.
import { Agent, request } from 'node:http'
import { pathToFileURL } from 'node:url'
import { median, quantile } from './contenders.mjs'
import { startRedis, startServer } from './processes.mjs'

const kinds = {
  common: 'a live session, nothing due',
  touch: 'the activity is stored',
  end: 'the session has timed out: destroyed, a fresh one, 401'
}

/** @returns {Promise<Record<string, { p50: number, p95: number }>>} ms */
export async function measureLatency ({ store, payload, redisUrl, requests = 500 }) {
  const server = await startServer('ours-latency', store, payload, redisUrl)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const cookies = []
  for (let user = 0; user < requests; user++) cookies.push(await server.signIn())
  const times = { common: [], touch: [], end: [] }
  for (const cookie of cookies) await timed(server.url, cookie, agent)
  for (const cookie of cookies) times.common.push(await timed(server.url, cookie, agent))
  await server.moveClock(61_000)
  for (const cookie of cookies) times.touch.push(await timed(server.url, cookie, agent))
  await server.moveClock(1_800_000)
  for (const cookie of cookies) times.end.push(await timed(server.url, cookie, agent, 401))
  agent.destroy()
  server.stop()
  return Object.fromEntries(Object.entries(times).map(([kind, values]) => [kind, { what: kinds[kind], p50: median(values), p95: quantile(values, 0.95) }]))
}

function timed (url, cookie, agent, expected = 200) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint()
    request(url, { agent, headers: { cookie } }, response => {
      response.resume().once('end', () => {
        // A figure of something else would be worse than none.
        if (response.statusCode !== expected) return reject(new Error(`${response.statusCode} instead of ${expected}`))
        resolve(Number(process.hrtime.bigint() - start) / 1e6)
      })
    }).once('error', reject).end()
  })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const redisUrl = await startRedis()
  for (const store of ['memory', 'redis']) {
    console.log(store)
    console.table(await measureLatency({ store, payload: 4096, redisUrl }))
  }
  process.exit()
}
