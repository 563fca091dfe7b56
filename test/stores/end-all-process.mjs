// An application on a shared store, in a process of its own; it takes requests as messages.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { RedisStore } from 'connect-redis'
import Fastify from 'fastify'
import sessionTimeout from 'fastify-session-timeout'
import { postgresEndBus, redisEndBus } from 'fastify-session-timeout/stores'
import pg from 'pg'
import { createClient } from 'redis'

const [kind, withBus, touchInterval] = process.argv.slice(2)

async function connect () {
  const client = createClient({ url: process.env.STORE_URL })
  client.on('error', () => {})
  return client.connect()
}

async function openStore () {
  // A plain store needs marks.
  if (kind === 'plain redis') return new RedisStore({ client: await connect() })
  const { create } = await import(`./subjects/${kind === 'redis' ? 'connect-redis' : 'connect-pg-simple'}.mjs`)
  return create()
}

async function openBus () {
  return kind === 'postgres' ? postgresEndBus(new pg.Pool({ connectionString: process.env.STORE_URL })) : redisEndBus(await connect())
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

const app = Fastify()
await app.register(cookie)
const secret = 'a secret that every process of the test shares'
await app.register(session, { secret, store: await openStore(), rolling: false, saveUninitialized: false, cookie: { secure: false } })
await app.register(sessionTimeout, { user: session => session.userId, touchInterval, ...(withBus === 'yes' && { endBus: await openBus() }) })
app.post('/sign-in', async request => {
  await pause(Number(request.query.ms ?? 0))
  await request.session.regenerate()
  request.session.userId = 'ada'
})
app.post('/modify', async request => {
  await pause(Number(request.query.ms))
  request.session.note = 'written'
})
app.post('/renew', async request => {
  await pause(Number(request.query.ms))
  await request.session.regenerate(['userId'])
})
app.post('/end-all', { config: { sessionTimeout: false } }, () => app.sessionTimeout.endAll('ada'))
app.get('/me', async request => ({ userId: request.session.userId ?? null }))
await app.ready()

const now = () => performance.timeOrigin + performance.now()

process.on('message', async ({ number, request }) => {
  const beganAt = now()
  const response = await app.inject(request)
  const [line] = [response.headers['set-cookie'] ?? []].flat()
  const pair = line?.split(';')[0]
  process.send({ number, beganAt, answeredAt: now(), status: response.statusCode, body: response.body, cookie: pair === 'sessionId=' ? undefined : pair })
})
process.on('disconnect', () => process.exit())
process.send('ready')
