// node benchmark/cpu.mjs [contender,... [store,... [bytes,...]]]: the CPU time that the server spends on a request.
// Throughput on a shared machine cannot tell 0.97 from 0.90: whoever else runs takes part of it. CPU time is counted for the
// server's process alone. It still doubles while a neighbour has the caches, from one second to the next, so contenders are
// compared slice by slice, each pair of slices within a second or two, and the median of those ratios is taken. Two processes
// of one program differ as well, by where things came to lie in memory: several fresh ones are started.
import { pathToFileURL } from 'node:url'
import { median, names, payloads, stores } from './contenders.mjs'
import { startRedis, startServer } from './processes.mjs'

/**
 * Every contender on one store with one payload, in interleaved slices.
 * @returns {Promise<Record<string, { cpu: number, least: number, share: number, shareLow: number, shareHigh: number }>>}
 * us per request, the median of all slices and the least; the first contender's as a share of it, the median of all pairs
 * of slices; and the least and the greatest median that one round of fresh processes gave
 */
export async function compareCpu ({ store, payload, redisUrl, contenders = names, processes = 5, slices = 12, requests = 1000 }) {
  const rounds = []
  for (let round = 0; round < processes; round++) {
    const servers = []
    for (const name of contenders) servers.push(await startServer(name, store, payload, redisUrl))
    // Until the compiler has done its work.
    for (const server of servers) await server.spend(5000)
    const spent = contenders.map(() => [])
    for (let slice = 0; slice < slices; slice++) {
      // Another one begins each time.
      for (const index of contenders.keys()) {
        const turn = (index + slice) % contenders.length
        spent[turn].push(await servers[turn].spend(requests))
      }
    }
    for (const server of servers) server.stop()
    rounds.push(spent)
  }
  return Object.fromEntries(contenders.map((name, index) => {
    const all = rounds.flatMap(spent => spent[index])
    const shares = rounds.map(spent => spent[index].map((cpu, slice) => spent[0][slice] / cpu))
    const medians = shares.map(median)
    return [name, {
      cpu: median(all),
      least: Math.min(...all),
      share: median(shares.flat()),
      shareLow: Math.min(...medians),
      shareHigh: Math.max(...medians)
    }]
  }))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [who, where, bytes] = process.argv.slice(2).map(list => list.split(','))
  const redisUrl = (where ?? Object.keys(stores)).includes('redis') ? await startRedis() : ''
  const [processes, slices, requests] = [process.env.PROCESSES ?? 5, process.env.SLICES ?? 12, process.env.REQUESTS ?? 1000].map(Number)
  for (const store of where ?? Object.keys(stores)) {
    for (const payload of (bytes ?? payloads).map(Number)) {
      const result = await compareCpu({ store, payload, redisUrl, contenders: who ?? names, processes, slices, requests })
      console.log(`${store}, ${payload} bytes, us of CPU a request`)
      console.table(Object.fromEntries(Object.entries(result).map(([name, figures]) => [name, Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Number(value.toFixed(3))]))])))
    }
  }
  process.exit()
}
