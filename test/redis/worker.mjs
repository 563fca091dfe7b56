// An application on a shared Redis, in a process of its own; it takes requests as messages.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { RedisStore } from 'connect-redis'
import Fastify from 'fastify'
import { createClient } from 'redis'
import sessionTimeout from 'fastify-session-timeout'

const [url, json] = process.argv.slice(2)
const { timeout, skew = 0 } = JSON.parse(json)

const { now } = Date
Date.now = () => now() + skew

const client = createClient({ url, disableOfflineQueue: true, socket: { reconnectStrategy: 50 } })
client.on('error', () => {})
await client.connect()

const app = Fastify()
await app.register(cookie)
await app.register(session, { secret: 'a secret that every process of the test shares', rolling: false, saveUninitialized: false, store: new RedisStore({ client }), cookie: { secure: false } })
if (timeout) await app.register(sessionTimeout, { ...timeout, appliesTo: request => request.session.userId !== undefined })
app.post('/sign-in', async request => {
  await request.session.regenerate()
  request.session.userId = 'ada'
})
app.post('/sign-out', async request => {
  await request.session.destroy()
  return { at: performance.timeOrigin + performance.now() }
})
// Says when it asked for the successor.
app.post('/step-up', async request => {
  await new Promise(resolve => setTimeout(resolve, Number(request.query.ms)))
  const at = performance.timeOrigin + performance.now()
  await request.session.regenerate(['userId'])
  return { at }
})
app.post('/modify', async request => {
  request.session.note = String(Math.random())
  await new Promise(resolve => setTimeout(resolve, Number(request.query.ms)))
  return request.session.userId ?? null
})
app.get('/me', async request => ({ userId: request.session.userId ?? null }))
await app.ready()

process.on('message', async ({ number, request, wait }) => {
  if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
  const response = await app.inject(request)
  process.send({ number, at: performance.timeOrigin + performance.now(), status: response.statusCode, cookie: response.headers['set-cookie']?.toString().split(';')[0], body: response.body })
})
process.send('ready')
