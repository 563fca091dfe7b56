// npm run benchmark [-- --quick]: every contender on every store with every payload, in interleaved rounds.
import { fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { measureHooks } from './hooks.mjs'
import { startRedis, startServer } from './processes.mjs'

const quick = process.argv.includes('--quick')
// Many short rounds: the speed of a shared machine changes within seconds, and a ratio is taken within one round.
const rounds = quick ? 3 : 25
const seconds = 1
const bursts = quick ? 20 : 100
const payloads = [100, 4096, 32_768]
const contenders = {
  limit: '@fastify/session, no timeout',
  'limit-record': 'the same, two instants and an expiry kept in the session',
  ours: 'fastify-session-timeout',
  'ours-endpoint': 'fastify-session-timeout with its endpoint',
  'host-rolling': '@fastify/session, rolling: true',
  'hand-written': 'a hook that stores lastActivity',
  express: 'express-session, rolling: true'
}
const names = Object.keys(contenders)

const lines = []
const redisUrl = await startRedis()
const results = {}
for (const store of ['memory', 'redis']) {
  for (const payload of payloads) results[`${store} ${payload}`] = await compare(store, payload)
}
const hooks = await measureHooks()
const scale = await measureScale(quick ? 100_000 : 1_000_000)
const sizes = await measureSizes()
report()
process.exit()

async function compare (store, payload) {
  const servers = {}
  for (const name of names) servers[name] = await startServer(name, store, payload, redisUrl)
  const measured = Object.fromEntries(names.map(name => [name, []]))
  for (const name of names) await servers[name].load(1)
  for (let round = 0; round < rounds; round++) {
    // Another order each round, so that nobody always comes after the same one.
    for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
      measured[name].push(await servers[name].load(seconds))
    }
  }
  const inside = store === 'memory' ? await compareInside(servers) : {}
  const result = {}
  for (const name of names) {
    const ratios = measured[name].map((one, round) => one.rate / measured.limit[round].rate)
    result[name] = {
      rates: measured[name].map(one => one.rate),
      rate: median(measured[name].map(one => one.rate)),
      ratio: median(ratios),
      low: quantile(ratios, 0.25),
      high: quantile(ratios, 0.75),
      p50: median(measured[name].map(one => one.p50)),
      p99: median(measured[name].map(one => one.p99)),
      inside: inside[name],
      failed: measured[name].reduce((sum, one) => sum + one.failed, 0),
      ...await servers[name].counts()
    }
    servers[name].stop()
  }
  console.log(`${store}, ${payload} bytes:`, names.map(name => `${name} ${result[name].ratio.toFixed(2)}`).join(', '))
  return result
}

/** What a request takes in the process of the server: the least of many bursts, since noise only ever adds. */
async function compareInside (servers) {
  const least = {}
  for (let burst = 0; burst < bursts; burst++) {
    for (const name of names.filter(name => name !== 'express')) {
      least[name] = Math.min(least[name] ?? Infinity, await servers[name].inject(300))
    }
  }
  return least
}

function measureScale (sessions) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('scale.mjs', import.meta.url)), [String(sessions)], { execArgv: ['--expose-gc'] })
    child.once('message', resolve)
    child.once('exit', code => code && reject(new Error(`scale.mjs ended with ${code}`)))
  })
}

async function measureSizes () {
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

function median (values) {
  return quantile(values, 0.5)
}

function quantile (values, share) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)]
}

function report () {
  const require = createRequire(import.meta.url)
  const version = name => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version
  const versions = ['fastify', '@fastify/session', '@fastify/cookie', 'express', 'express-session', 'connect-redis', 'redis', 'autocannon'].map(name => `${name} ${version(name)}`)
  lines.push('# Results', '', `Written by \`npm run benchmark\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${versions.join(', ')}.`,
    '', `Servers, load and Redis share the machine, each in a process of its own. ${rounds} interleaved rounds of ${seconds} s, 20 connections, medians; the ratio to the first line is taken round by round (quartiles). "In process" is a whole request by app.inject on the memory store, without a network, the least of ${bursts} interleaved bursts. Reads and writes of the store, Set-Cookie lines and response bytes (headers and body) are counted over exactly 1,000 requests of one signed-in session.`, '')
  for (const [name, result] of Object.entries(results)) {
    const [store, payload] = name.split(' ')
    lines.push(`## ${store === 'redis' ? 'Redis' : 'Memory store'}, ${payload} bytes of session data`, '', '| | requests/s | ratio | in process us | p50 ms | p99 ms | reads | writes | Set-Cookie | bytes | failed |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |')
    for (const contender of names) {
      const one = result[contender]
      lines.push(`| ${contenders[contender]} | ${Math.round(one.rate)} | ${one.ratio.toFixed(2)} (${one.low.toFixed(2)}-${one.high.toFixed(2)}) | ${one.inside?.toFixed(1) ?? ''} | ${one.p50} | ${one.p99} | ${one.reads} | ${one.writes} | ${one.cookies} | ${one.bytes} | ${one.failed} |`)
    }
    lines.push('')
  }
  lines.push('## The hooks alone', '', `${hooks.common} ns per request in the common path, ${hooks.touch} ns with a touch on the memory store (\`node benchmark/hooks.mjs\`).`, '',
    '## Scale', '', `${scale.sessions.toLocaleString('en')} distinct sessions through one process, a tenth of them ended and eight tenths touched: heap ${mb(scale.heapBefore)} -> ${mb(scale.heapAfter)} MB, RSS ${mb(scale.rssBefore)} -> ${mb(scale.rssAfter)} MB.`, '',
    '| sessions in the store | requests/s |', '| --- | --- |', ...sizes.map(({ users, rate }) => `| ${users.toLocaleString('en')} | ${Math.round(rate)} |`), '',
    '## Targets', '', '| target | measured | |', '| --- | --- | --- |', ...targets().map(([target, value, reached]) => `| ${target} | ${value} | ${reached ? 'reached' : 'not reached'} |`), '')
  writeFileSync(new URL('RESULTS.md', import.meta.url), lines.join('\n'))
  console.log(`written to ${require('node:path').relative(process.cwd(), fileURLToPath(new URL('RESULTS.md', import.meta.url)))}`)
}

function targets () {
  const all = Object.values(results)
  const least = Math.min(...all.map(one => one.ours.ratio))
  const over = (key, other) => median(results[key].ours.rates.map((rate, round) => rate / results[key][other].rates[round]))
  const writes = Math.max(...all.map(one => one.ours.writes))
  const grown = (scale.heapAfter - scale.heapBefore) / scale.sessions
  return [
    ['common path >= 0.97 of the limit, at every payload and store', `least ${least.toFixed(2)}`, least >= 0.97],
    ['>= 1.4 x host rolling on Redis at 100 B', over('redis 100', 'host-rolling').toFixed(2), over('redis 100', 'host-rolling') >= 1.4],
    ['more at 32 kB', over('redis 32768', 'host-rolling').toFixed(2), over('redis 32768', 'host-rolling') > over('redis 100', 'host-rolling')],
    ['>= 3 x express-session rolling, on Redis at 100 B', over('redis 100', 'express').toFixed(2), over('redis 100', 'express') >= 3],
    ['>= 3 x express-session rolling, on the memory store at 100 B', over('memory 100', 'express').toFixed(2), over('memory 100', 'express') >= 3],
    ['store writes: 1 per touchInterval and session', `${writes} per 1,000 requests within one`, writes <= 1],
    ['memory flat over a million sessions (under 16 bytes of heap per session)', `${grown.toFixed(2)} bytes`, grown < 16],
    ['hooks <= 1.5 us in the common path', `${hooks.common} ns`, hooks.common <= 1500]
  ]
}

function mb (bytes) {
  return (bytes / 1e6).toFixed(1)
}
