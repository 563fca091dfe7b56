// node benchmark/instructions.mjs [requests]: instructions of the server a request, counted by Valgrind.
// Noise cannot touch them: what else the machine does changes the time, not the count.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { contenders } from './contenders.mjs'

const server = fileURLToPath(new URL('server.mjs', import.meta.url))
// One thread, and the same numbers wherever V8 draws them: the compiler then does the same at the same request.
const repeatable = ['--single-threaded', '--hash-seed=1', '--random-seed=1']
const compared = ['limit', 'ours', 'ours-endpoint']

/** A server's whole life with that many requests. */
async function countInstructions (contender, payload, requests) {
  const child = spawn('valgrind', ['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null', process.execPath, ...repeatable, server, contender, 'memory', String(payload)],
    { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let report = ''
  child.stderr.setEncoding('utf8').on('data', text => { report += text })
  const [url] = await once(child, 'message')
  const response = await fetch(`${url}/sign-in`, { method: 'POST' })
  const cookie = response.headers.getSetCookie()[0].split(';')[0]
  child.send({ requests, cookie })
  await once(child, 'message')
  child.kill('SIGTERM')
  await once(child, 'close')
  return Number(/I\s+refs:\s+([\d,]+)/.exec(report)[1].replaceAll(',', ''))
}

/** The difference between two lives, the shorter of which is long enough for V8 to have compiled everything. */
export async function instructionsOf (contender, payload, requests) {
  const [warm, more] = await Promise.all([requests, 2 * requests].map(amount => countInstructions(contender, payload, amount)))
  return (more - warm) / requests
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const requests = Number(process.argv[2] ?? 5000)
  const rows = []
  for (const payload of [100, 4096]) {
    const [limit, ...others] = []
    for (const contender of compared) others.push([contender, await instructionsOf(contender, payload, requests)])
    const least = limit ?? others[0][1]
    for (const [contender, count] of others) rows.push({ bytes: payload, contender: contenders[contender], instructions: Math.round(count), share: (count / least).toFixed(3) })
  }
  console.table(rows)
}
