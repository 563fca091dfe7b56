// RESULTS.md out of what was measured.
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { names } from './contenders.mjs'

export function report ({ contenders, stores, effort, cases, profile, latency, hooks, scale, sizes }) {
  const title = ({ store, payload }) => `${stores[store]}, ${payload} bytes of session data`
  const lines = ['# Results', '', machine(), '', ...method(effort)]
  for (const one of cases) {
    lines.push(`## ${title(one)}`, '', ...table(
      ['', 'CPU us/request', 'share of the limit', 'requests/s', 'ratio', 'in process us', 'p50 ms', 'p99 ms', 'reads', 'writes', 'Set-Cookie', 'bytes', 'failed'],
      names.map(name => {
        const row = one.rows[name]
        return [contenders[name], `${row.cpu.toFixed(1)} (${row.least.toFixed(1)})`, `${row.share.toFixed(3)} (${row.shareLow.toFixed(2)}-${row.shareHigh.toFixed(2)})`,
          Math.round(row.rate), `${row.ratio.toFixed(2)} (${row.ratioLow.toFixed(2)}-${row.ratioHigh.toFixed(2)})`, row.inside?.toFixed(1) ?? '',
          row.p50, row.p99, row.reads, row.writes, row.cookies, row.bytes, row.failed]
      })), '')
  }
  lines.push(...whereItGoes(cases, title, profile))
  lines.push('## The request that touches, and the one that ends', '', ...table(
    ['', 'what', 'p50 ms', 'p95 ms'],
    latency.flatMap(one => Object.entries(one.kinds).map(([kind, { what, p50, p95 }]) => [`${title(one)}: ${kind}`, what, p50.toFixed(2), p95.toFixed(2)]))), '',
  '## The hooks alone', '', `${hooks.common} ns per request in the common path, ${hooks.touch} ns with a touch on the memory store (\`node benchmark/hooks.mjs\`).`, '',
  '## Scale', '', `${scale.sessions.toLocaleString('en')} distinct sessions through one process, a tenth of them ended and eight tenths touched: heap ${mb(scale.heapBefore)} -> ${mb(scale.heapAfter)} MB, RSS ${mb(scale.rssBefore)} -> ${mb(scale.rssAfter)} MB.`, '',
  ...table(['sessions in the store', 'requests/s'], sizes.map(({ users, rate }) => [users.toLocaleString('en'), Math.round(rate)])), '',
  '## Targets', '', ...table(['target', 'measured', ''], targets(cases, hooks, scale).map(([target, value, reached]) => [target, value, reached ? 'reached' : 'not reached'])), '')
  return lines.join('\n')
}

/** What a request costs beyond the limit, step by step, in per cent of the limit's CPU time. */
function whereItGoes (cases, title, { functions, amount }) {
  const steps = cases.map(one => {
    const cost = name => 100 * (1 / one.rows[name].share - 1)
    const [record, ours] = [cost('limit-record'), cost('ours')]
    return [title(one), ...[cost('empty-hooks'), record, ours - record, cost('ours-endpoint') - ours].map(percent => percent.toFixed(1))]
  })
  const sum = functions.reduce((us, one) => us + one.us, 0)
  return [
    '## Where it goes', '',
    'What a request costs more than without any timeout, step by step, in per cent of that, from the shares above. The steps are small',
    'differences of noisy figures: read the column, not the cell.', '',
    ...table(['', 'three hooks that do nothing', 'the clock kept in the session', 'all else of the plugin, such hooks included', 'the endpoint: `Server-Timing`'], steps), '',
    'A clock in the session is serialised and hashed by @fastify/session when it loads the session and again when it asks whether the session was modified, and the expiry',
    'of its cookie is made a Date three times; whoever keeps an instant in the session pays that, and it is where every process and every restart finds it.',
    'All else has no single cause. By the sampling profiler of V8, which slows what it measures, over',
    `${amount.toLocaleString('en')} requests of a server with the endpoint (\`node benchmark/profile.mjs\`), the functions of the plugin take ${sum.toFixed(1)} us a request in all:`, '',
    ...table(['function', 'us'], functions.filter(({ us }) => us >= 0.1).map(({ name, us }) => [`\`${name}\``, us.toFixed(2)])), ''
  ]
}

function machine () {
  const version = name => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version
  const versions = ['fastify', '@fastify/session', '@fastify/cookie', 'express', 'express-session', 'connect-redis', 'redis', 'autocannon'].map(name => `${name} ${version(name)}`)
  return `Written by \`npm run benchmark\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${versions.join(', ')}.`
}

function method ({ rounds, bursts, processes, slices, requests }) {
  return [
    `- **CPU**: user and system time of the server's process for a request, by \`process.cpuUsage()\` around ${requests} requests from another process, pinned to another core. The median of ${slices} slices of each of ${processes} fresh processes, in brackets the least. The share is that of the first line by that of the contender, slice by slice, so that both meet the machine in the same second: the median of all pairs, in brackets the least and the greatest of the medians of one round of processes.`,
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
  const over = (store, payload, other) => rows(store, payload).ours.share / rows(store, payload)[other].share
  const writes = Math.max(...cases.map(one => one.rows.ours.writes))
  const grown = (scale.heapAfter - scale.heapBefore) / scale.sessions
  return [
    ['CPU: at least 0.97 of the limit, at every payload and store', `least ${least('ours').toFixed(3)}`, least('ours') >= 0.97],
    ['CPU: at least 0.95 with the endpoint', `least ${least('ours-endpoint').toFixed(3)}`, least('ours-endpoint') >= 0.95],
    ['CPU: >= 1.4 x host rolling on Redis at 100 B', over('redis', 100, 'host-rolling').toFixed(2), over('redis', 100, 'host-rolling') >= 1.4],
    ['CPU: more at 32 kB', over('redis', 32_768, 'host-rolling').toFixed(2), over('redis', 32_768, 'host-rolling') > over('redis', 100, 'host-rolling')],
    ['CPU: >= 3 x express-session rolling, on Redis at 100 B', over('redis', 100, 'express').toFixed(2), over('redis', 100, 'express') >= 3],
    ['CPU: >= 3 x express-session rolling, on the memory store at 100 B', over('memory', 100, 'express').toFixed(2), over('memory', 100, 'express') >= 3],
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
