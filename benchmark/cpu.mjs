// node benchmark/cpu.mjs [contender,... [store,... [bytes,...]]]: the CPU time that the server spends on a request.
// Throughput on a shared machine cannot tell 0.97 from 0.90: whoever else runs takes part of it. CPU time is counted for the
// server's process alone, whatever else runs. What noise is left (a cold cache, a collection of garbage) only ever adds, so
// the least slice of a process is taken; and since two processes of one program differ by where things came to lie in memory,
// several fresh ones are started and their median is taken.
import { pathToFileURL } from 'node:url'
import { median, names, payloads, stores } from './contenders.mjs'
import { startRedis, startServer } from './processes.mjs'

/**
 * Every contender on one store with one payload, in interleaved processes.
 * @returns {Promise<Record<string, { cpu: number, low: number, high: number, share: number, shareLow: number, shareHigh: number }>>}
 * us per request: the median over processes, the least and the most; and the first contender's as a share of it
 */
export async function compareCpu ({ store, payload, redisUrl, contenders = names, processes = 7, slices = 8, requests = 2000 }) {
  const least = Object.fromEntries(contenders.map(name => [name, []]))
  for (let round = 0; round < processes; round++) {
    // Another order each round, so that nobody always comes after the same one.
    const turn = round % contenders.length
    for (const name of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      const server = await startServer(name, store, payload, redisUrl)
      // Until the compiler has done its work.
      await server.spend(3 * requests)
      let best = Infinity
      for (let slice = 0; slice < slices; slice++) best = Math.min(best, await server.spend(requests))
      server.stop()
      least[name].push(best)
    }
  }
  const [first] = contenders
  return Object.fromEntries(contenders.map(name => {
    const shares = least[name].map((cpu, round) => least[first][round] / cpu)
    return [name, {
      cpu: median(least[name]),
      low: Math.min(...least[name]),
      high: Math.max(...least[name]),
      share: median(least[first]) / median(least[name]),
      shareLow: Math.min(...shares),
      shareHigh: Math.max(...shares)
    }]
  }))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [who, where, bytes] = process.argv.slice(2).map(list => list.split(','))
  const redisUrl = (where ?? Object.keys(stores)).includes('redis') ? await startRedis() : ''
  const [processes, slices, requests] = [process.env.PROCESSES ?? 7, process.env.SLICES ?? 8, process.env.REQUESTS ?? 2000].map(Number)
  for (const store of where ?? Object.keys(stores)) {
    for (const payload of (bytes ?? payloads).map(Number)) {
      const result = await compareCpu({ store, payload, redisUrl, contenders: who ?? names, processes, slices, requests })
      console.log(`${store}, ${payload} bytes, us of CPU a request`)
      console.table(Object.fromEntries(Object.entries(result).map(([name, figures]) => [name, Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Number(value.toFixed(3))]))])))
    }
  }
  process.exit()
}
