import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startRedis } from '../helpers/redis.js'
import { second } from '../helpers/time.js'

const program = fileURLToPath(new URL('../../examples/cluster.js', import.meta.url))

t.test('two processes behind one port: signing out in one ends the stream in the other at once', async t => {
  const redis = await startRedis(t)
  if (redis === undefined) return
  const child = spawn(process.execPath, [program], { env: { PATH: process.env.PATH, REDIS_URL: redis.url, PORT: '0' } })
  t.teardown(() => child.kill('SIGKILL'))
  child.stderr.pipe(process.stderr)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => { output += text })
  while (!output.includes('/sign-out')) await once(child.stdout, 'data')
  const url = /http:\/\/[\d.:]+/.exec(output)![0]

  const signedIn = await fetch(`${url}/sign-in`, { method: 'POST' })
  const headers = { cookie: signedIn.headers.getSetCookie()[0]!.split(';')[0]!, connection: 'close' }
  const streams = await Promise.all(Array.from({ length: 6 }, () => fetch(`${url}/events`, { headers })))
  const processes = new Set(streams.map(stream => stream.headers.get('x-process')))
  t.equal(processes.size, 2, 'both serve streams of one session')

  const ended = Promise.all(streams.map(stream => stream.text()))
  const began = Date.now()
  const signedOut = await fetch(`${url}/sign-out`, { method: 'POST', headers })
  t.equal(signedOut.status, 200)
  for (const text of await ended) t.match(text, /event: ended\ndata: (?:signed-out|missing)\n\n$/)
  const took = Date.now() - began
  t.ok(took < 5 * second, `the last stream ended after ${took} ms`)
  t.equal((await fetch(`${url}/events`, { headers })).status, 401)

  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})
