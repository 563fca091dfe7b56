// RESULTS.md out of what was measured.
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { median, names } from './contenders.mjs'

export function report ({ contenders, stores, effort, cases, latency, hooks, scale, sizes }) {
  const title = ({ store, payload }) => `${stores[store]}, ${payload} bytes of session data`
  const lines = ['# Results', '', machine(), '', ...method(effort)]
  for (const one of cases) {
    lines.push(`## ${title(one)}`, '', ...table(
      ['', 'CPU us/request', 'share of the limit', 'requests/s', 'ratio', 'in process us', 'p50 ms', 'p99 ms', 'reads', 'writes', 'Set-Cookie', 'bytes', 'failed'],
      names.map(name => {
        const row = one.rows[name]
        return [contenders[name], `${row.cpu.toFixed(1)} (${row.low.toFixed(1)}-${row.high.toFixed(1)})`, `${row.share.toFixed(3)} (${row.shareLow.toFixed(2)}-${row.shareHigh.toFixed(2)})`,
          Math.round(row.rate), `${row.ratio.toFixed(2)} (${row.ratioLow.toFixed(2)}-${row.ratioHigh.toFixed(2)})`, row.inside?.toFixed(1) ?? '',
          row.p50, row.p99, row.reads, row.writes, row.cookies, row.bytes, row.failed]
      })), '')
  }
  lines.push('## The request that touches, and the one that ends', '', ...table(
    ['', 'what', 'p50 ms', 'p95 ms'],
    latency.flatMap(one => Object.entries(one.kinds).map(([kind, { what, p50, p95 }]) => [`${title(one)}: ${kind}`, what, p50.toFixed(2), p95.toFixed(2)]))), '',
  '## The hooks alone', '', `${hooks.common} ns per request in the common path, ${hooks.touch} ns with a touch on the memory store (\`node benchmark/hooks.mjs\`).`, '',
  '## Scale', '', `${scale.sessions.toLocaleString('en')} distinct sessions through one process, a tenth of them ended and eight tenths touched: heap ${mb(scale.heapBefore)} -> ${mb(scale.heapAfter)} MB, RSS ${mb(scale.rssBefore)} -> ${mb(scale.rssAfter)} MB.`, '',
  ...table(['sessions in the store', 'requests/s'], sizes.map(({ users, rate }) => [users.toLocaleString('en'), Math.round(rate)])), '',
  '## Targets', '', ...table(['target', 'measured', ''], targets(cases, hooks, scale).map(([target, value, reached]) => [target, value, reached ? 'reached' : 'not reached'])), '')
  return lines.join('\n')
}

function machine () {
  const version = name => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version
  const versions = ['fastify', '@fastify/session', '@fastify/cookie', 'express', 'express-session', 'connect-redis', 'redis', 'autocannon'].map(name => `${name} ${version(name)}`)
  return `Written by \`npm run benchmark\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${versions.join(', ')}.`
}

function method ({ rounds, bursts, processes, slices, requests }) {
  return [
    `- **CPU**: user and system time of the server's process for a request, by \`process.cpuUsage()\` around ${requests} requests from another process, pinned to another core. The least of ${slices} slices of a process, the median of ${processes} fresh processes, in brackets the least and the most of them. The share is that of the first line by that of the contender; in brackets within single rounds.`,
    `- **Requests/s**: ${rounds} interleaved rounds of 1 s with 20 connections, medians; the ratio to the first line is taken round by round (quartiles). Servers, load and Redis share the machine: differences under a tenth are noise here.`,
    `- **In process**: a whole request by app.inject on the memory store, without a network, the least of ${bursts} interleaved bursts.`,
    '- **Reads, writes, Set-Cookie, bytes** (headers and body) are counted over exactly 1,000 requests of one signed-in session.',
    '- **Latency** of single requests is that of one connection with one request at a time, a new session each.',
    ''
  ]
}

function targets (cases, hooks, scale) {
  const least = (name) => Math.min(...cases.map(one => one.rows[name].share))
  const rows = (store, payload) => cases.find(one => one.store === store && one.payload === payload).rows
  const over = (store, payload, other) => median(rows(store, payload).ours.rates.map((rate, round) => rate / rows(store, payload)[other].rates[round]))
  const writes = Math.max(...cases.map(one => one.rows.ours.writes))
  const grown = (scale.heapAfter - scale.heapBefore) / scale.sessions
  return [
    ['CPU: at least 0.97 of the limit, at every payload and store', `least ${least('ours').toFixed(3)}`, least('ours') >= 0.97],
    ['CPU: at least 0.95 with the endpoint', `least ${least('ours-endpoint').toFixed(3)}`, least('ours-endpoint') >= 0.95],
    ['>= 1.4 x host rolling on Redis at 100 B', over('redis', 100, 'host-rolling').toFixed(2), over('redis', 100, 'host-rolling') >= 1.4],
    ['more at 32 kB', over('redis', 32_768, 'host-rolling').toFixed(2), over('redis', 32_768, 'host-rolling') > over('redis', 100, 'host-rolling')],
    ['>= 3 x express-session rolling, on Redis at 100 B', over('redis', 100, 'express').toFixed(2), over('redis', 100, 'express') >= 3],
    ['>= 3 x express-session rolling, on the memory store at 100 B', over('memory', 100, 'express').toFixed(2), over('memory', 100, 'express') >= 3],
    ['store writes: 1 per touchInterval and session', `${writes} per 1,000 requests within one`, writes <= 1],
    ['memory flat over a million sessions (under 16 bytes of heap per session)', `${grown.toFixed(2)} bytes`, grown < 16],
    ['hooks <= 1.5 us in the common path', `${hooks.common} ns`, hooks.common <= 1500]
  ]
}

function table (head, rows) {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)
}

function mb (bytes) {
  return (bytes / 1e6).toFixed(1)
}
