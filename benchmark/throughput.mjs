// What a shared machine can say of requests per second, and what is counted exactly: calls of the store, cookies, bytes.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, names, quantile } from './contenders.mjs'
import { startServer } from './processes.mjs'

/** All contenders at once, in interleaved rounds: the ratio is taken within one round, since the speed of the machine changes. */
export async function compareThroughput ({ store, payload, redisUrl, rounds, seconds = 1, bursts }) {
  const servers = {}
  for (const name of names) servers[name] = await startServer(name, store, payload, redisUrl)
  const measured = Object.fromEntries(names.map(name => [name, []]))
  for (const name of names) await servers[name].load(1)
  for (let round = 0; round < rounds; round++) {
    const turn = round % names.length
    for (const name of [...names.slice(turn), ...names.slice(0, turn)]) measured[name].push(await servers[name].load(seconds))
  }
  const inside = store === 'memory' ? await compareInside(servers, bursts) : {}
  const result = {}
  for (const name of names) {
    const ratios = measured[name].map((one, round) => one.rate / measured.limit[round].rate)
    result[name] = {
      rate: median(measured[name].map(one => one.rate)),
      ratio: median(ratios),
      ratioLow: quantile(ratios, 0.25),
      ratioHigh: quantile(ratios, 0.75),
      p50: median(measured[name].map(one => one.p50)),
      p99: median(measured[name].map(one => one.p99)),
      inside: inside[name],
      failed: measured[name].reduce((sum, one) => sum + one.failed, 0),
      ...await servers[name].counts()
    }
    servers[name].stop()
  }
  return result
}

/** What a request takes in the process of the server: the least of many bursts, since noise only ever adds. */
async function compareInside (servers, bursts) {
  const least = {}
  for (let burst = 0; burst < bursts; burst++) {
    for (const name of names.filter(name => name !== 'express')) least[name] = Math.min(least[name] ?? Infinity, await servers[name].inject(300))
  }
  return least
}

export function measureScale (sessions) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('scale.mjs', import.meta.url)), [String(sessions)], { execArgv: ['--expose-gc'] })
    child.once('message', resolve)
    child.once('exit', code => code && reject(new Error(`scale.mjs ended with ${code}`)))
  })
}

export async function measureSizes (rounds, seconds = 1) {
  const counts = [1, 1000, 100_000]
  const servers = []
  for (const users of counts) servers.push(await startServer('ours', 'memory', 100, '', users))
  const rates = counts.map(() => [])
  for (const server of servers) await server.load(1)
  for (let round = 0; round < rounds; round++) {
    for (const [index, server] of servers.entries()) rates[index].push((await server.load(seconds)).rate)
  }
  for (const server of servers) server.stop()
  return counts.map((users, index) => ({ users, rate: median(rates[index]) }))
}
