// One contender, in a process of its own. The parent says which, on which store, with how much session data.
import { randomBytes } from 'node:crypto'
import { Session as Inspector } from 'node:inspector/promises'

const [contender, storeName, payload, redisUrl] = process.argv.slice(2)
const secret = 'a secret for the benchmark that is long enough for it'
const data = randomBytes(Math.ceil(Number(payload) * 3 / 4)).toString('base64').slice(0, Number(payload))
const counts = { reads: 0, writes: 0 }
let counting = false
const inspector = new Inspector()

const store = count(await makeStore())
let app
const url = await (contender === 'express' ? startExpress() : startFastify())

const { now } = Date
let ahead = 0

process.on('message', async message => {
  if (message === 'cpu') return process.send(process.cpuUsage())
  if (message === 'start profile') return process.send(await startProfile())
  if (message === 'stop profile') return process.send((await inspector.post('Profiler.stop')).profile)
  if (message.moveClock) {
    ahead += message.moveClock
    Date.now = () => now() + ahead
    return process.send({})
  }
  if (message.requests) return process.send(await inject(message))
  if (message === 'count') {
    counting = true
    counts.reads = counts.writes = 0
  }
  process.send(counts)
})
process.send(url)

async function startProfile () {
  inspector.connect()
  await inspector.post('Profiler.enable')
  await inspector.post('Profiler.setSamplingInterval', { interval: 100 })
  return inspector.post('Profiler.start')
}

async function makeStore () {
  if (storeName === 'redis') {
    const [{ RedisStore }, { createClient }] = await Promise.all([import('connect-redis'), import('redis')])
    return new RedisStore({ client: await createClient({ url: redisUrl }).connect() })
  }
  if (contender === 'express') return new (await import('express-session')).default.MemoryStore()
  return new (await import('@fastify/session')).default.MemoryStore()
}

/** Counts when asked to; in the timed rounds this costs a comparison. */
function count (store) {
  const { get, set, destroy, touch } = store
  store.get = function (...values) { if (counting) counts.reads++; return get.apply(this, values) }
  store.set = function (...values) { if (counting) counts.writes++; return set.apply(this, values) }
  store.destroy = function (...values) { if (counting) counts.writes++; return destroy.apply(this, values) }
  if (touch) store.touch = function (...values) { if (counting) counts.writes++; return touch.apply(this, values) }
  return store
}

async function startFastify () {
  const [{ default: Fastify }, { default: cookie }, { default: session }] = await Promise.all([import('fastify'), import('@fastify/cookie'), import('@fastify/session')])
  app = Fastify()
  await app.register(cookie)
  await app.register(session, { secret, store, rolling: contender === 'host-rolling', saveUninitialized: false, cookie: { secure: false, sameSite: 'lax', ...(contender === 'host-rolling' ? { maxAge: 1_800_000 } : {}) } })
  if (contender.startsWith('ours')) {
    const { default: sessionTimeout } = await import('fastify-session-timeout')
    await app.register(sessionTimeout, {
      idleTimeout: '30m',
      user: session => session.userId,
      endpoint: contender === 'ours-endpoint' ? '/session-timeout' : false,
      afterTimeout: contender === 'ours-latency' ? 'unauthorized' : 'continue'
    })
  }
  if (contender === 'empty-hooks') {
    // The hooks of the plugin, without what they do.
    for (const name of ['onRequest', 'preValidation']) app.addHook(name, (request, reply, done) => done())
    app.addHook('onSend', (request, reply, payload, done) => done())
  }
  if (contender === 'hand-written') {
    // The recipe, as most would port it.
    app.addHook('onRequest', async request => {
      const { lastActivity } = request.session
      if (lastActivity !== undefined && Date.now() - lastActivity > 1_800_000) await request.session.regenerate()
      request.session.lastActivity = Date.now()
    })
  }
  app.post('/sign-in', async request => {
    const { users = 1 } = request.query
    request.session.userId = 'ada'
    request.session.data = data
    if (contender === 'limit-record') {
      // What the plugin keeps, without the plugin: @fastify/session serialises and hashes it twice a request.
      request.session.sessionTimeout = { startedAt: Date.now(), lastActivity: Date.now() }
      request.session.cookie.expires = new Date(Date.now() + 5_400_000)
    }
    for (let user = 1; user < users; user++) store.set(`other-${user}`, { userId: 'other', data, cookie: { expires: null } }, () => {})
    return 'ok'
  })
  app.get('/', async request => ({ hello: request.session.userId }))
  return app.listen({ port: 0, host: '127.0.0.1' })
}

/** Whole requests without a network: us per request. */
async function inject ({ requests, cookie }) {
  const start = process.hrtime.bigint()
  for (let i = 0; i < requests; i++) {
    // Without a turn of the event loop nothing of a request could be released: the heap would only grow.
    if (i % 20 === 0) await new Promise(setImmediate)
    await app.inject({ url: '/', headers: { cookie } })
  }
  return Number(process.hrtime.bigint() - start) / 1000 / requests
}

async function startExpress () {
  const [{ default: express }, { default: session }] = await Promise.all([import('express'), import('express-session')])
  const app = express()
  app.use(session({ secret, store, rolling: true, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax', maxAge: 1_800_000 } }))
  app.post('/sign-in', (request, response) => {
    request.session.userId = 'ada'
    request.session.data = data
    response.send('ok')
  })
  app.get('/', (request, response) => response.json({ hello: request.session.userId }))
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  return `http://127.0.0.1:${server.address().port}`
}
