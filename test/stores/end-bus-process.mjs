// An application with streams on a shared store, in a process of its own; it listens, and says how often the store was read
// and what it has warned of.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import sessionTimeout from 'fastify-session-timeout'
import { postgresEndBus, redisEndBus } from 'fastify-session-timeout/stores'
import pg from 'pg'
import { createClient } from 'redis'

const [kind, withBus] = process.argv.slice(2)
const { create } = await import(`./subjects/${kind === 'redis' ? 'connect-redis' : 'connect-pg-simple'}.mjs`)
const store = await create()
const busUrl = process.env.BUS_URL ?? process.env.STORE_URL
let reads = 0
const warnings = []
const { get } = store
store.get = function (...args) {
  reads++
  return get.apply(this, args)
}

async function openBus () {
  if (kind === 'postgres') return postgresEndBus(new pg.Pool({ connectionString: busUrl }))
  const client = createClient({ url: busUrl })
  client.on('error', () => {})
  return redisEndBus(await client.connect())
}

const app = Fastify({
  forceCloseConnections: true,
  logger: { level: 'warn', stream: { write: line => { warnings.push(JSON.parse(line).msg) } } }
})
await app.register(cookie)
const secret = 'a secret that every process of the test shares'
await app.register(session, { secret, store, rolling: false, saveUninitialized: false, cookie: { secure: false } })
await app.register(sessionTimeout, {
  idleTimeout: '4h',
  user: session => session.userId,
  ...(withBus === 'yes' && { endBus: await openBus() })
})
app.post('/sign-in', async request => {
  await request.session.regenerate()
  request.session.userId = 'ada'
})
app.post('/sign-out', async request => { await request.session.destroy() })
app.get('/stream', (request, reply) => {
  const { signal } = request.sessionTimeout
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' })
  reply.raw.write(': open\n\n')
  signal.addEventListener('abort', () => { reply.raw.end() })
})
await app.listen({ port: 0, host: '127.0.0.1' })

process.on('message', question => {
  if (question === 'reads') process.send(reads)
  else if (question === 'warnings') process.send(warnings)
  else app.close().then(() => process.disconnect())
})
process.on('disconnect', () => process.exit())
process.send(app.server.address().port)
