// A million sessions pass through one process; run with --expose-gc. The store keeps nothing: it makes up a session for any id.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import sessionTimeout from 'fastify-session-timeout'

const total = Number(process.argv[2] ?? 1_000_000)
const store = {
  get (id, callback) {
    const at = Date.now()
    callback(null, { userId: id, cookie: { originalMaxAge: null, expires: null }, sessionTimeout: { startedAt: at - 3_000_000, lastActivity: at - Number(id.slice(-1)) * 200_000 } })
  },
  set (_id, _session, callback) { callback() },
  destroy (_id, callback) { callback() }
}
const app = Fastify()
await app.register(cookie)
await app.register(session, { secret: { sign: value => value, unsign: value => ({ valid: value !== '', renew: false, value }) }, store, rolling: false, saveUninitialized: false, cookie: { secure: false } })
// With the last digit of its id, a session is fresh, or due for a touch.
await app.register(sessionTimeout, { user: session => session.userId })
app.get('/', async () => 'ok')
await app.ready()

// Code and caches first.
await pass(0, 50_000)
const before = memory()
await pass(50_000, total)
const after = memory()
const result = { sessions: total - 50_000, heapBefore: before.heapUsed, heapAfter: after.heapUsed, rssBefore: before.rss, rssAfter: after.rss }
console.log(`heap ${megabytes(before.heapUsed)} -> ${megabytes(after.heapUsed)}, RSS ${megabytes(before.rss)} -> ${megabytes(after.rss)}: ${((after.heapUsed - before.heapUsed) / result.sessions).toFixed(2)} bytes of heap per session`)
process.send?.(result)

async function pass (from, to) {
  for (let i = from; i < to; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, n) => app.inject({ url: '/', headers: { cookie: `sessionId=session-${i + n}` } })))
    // Streams let go of their requests in a later turn of the loop.
    await new Promise(resolve => setImmediate(resolve))
  }
}

function memory () {
  globalThis.gc()
  return process.memoryUsage()
}

function megabytes (bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
