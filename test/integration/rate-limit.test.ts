import Fastify from 'fastify'
import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import session, { MemoryStore } from '@fastify/session'
import t from 'tap'
import sessionTimeout from '../../index.js'
import { buildApp, secret } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

t.test('a limit by user, else by address, also holds whose session has ended', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { user: session => session.userId },
    routes: app => follow('@fastify/rate-limit', app)
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let request = 1; request <= 100; request++) t.equal((await browser.get('/me')).statusCode, 200)
  t.equal((await browser.get('/me')).statusCode, 429, 'the user')
  t.equal((await createBrowser(app).get('/me')).statusCode, 200, 'visitors at the same address are counted apart')
  clock.tick(30 * minute)
  const statuses = []
  for (let request = 1; request <= 105; request++) statuses.push((await browser.clone().get('/me')).statusCode)
  t.equal(statuses.filter(status => status === 429).length, 5, 'by address, since there is no user any more')
})

t.test('keyed by session id, an ended session has no limit', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { user: session => session.userId },
    routes: async app => { await app.register(rateLimit, { max: 3, keyGenerator: request => request.session.sessionId }) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  for (let request = 1; request <= 10; request++) t.equal((await browser.clone().get('/me')).statusCode, 200)
})

t.test('a flood is shed before the store is asked', async t => {
  fakeClock(t)
  const store = new CountingStore(new JsonStore())
  const app = Fastify()
  t.teardown(() => app.close())
  await follow('@fastify/rate-limit', app, {}, 1)
  await app.register(cookie)
  await app.register(session, { secret, store, rolling: false, saveUninitialized: false, cookie: { secure: false } })
  await app.register(sessionTimeout, { user: session => session.userId, touchInterval: 0 })
  app.get('/', async request => { request.session.userId = 'ada' })
  const browser = createBrowser(app)
  for (let request = 1; request <= 300; request++) await browser.get('/')
  const before = { ...store.counts }
  for (let request = 1; request <= 50; request++) t.equal((await browser.get('/')).statusCode, 429)
  t.same(store.counts, before)
})

t.test('as a limit of the routes, it comes after the session is loaded', async t => {
  fakeClock(t)
  const store = new CountingStore(new MemoryStore())
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { user: session => session.userId },
    before: app => { app.register(rateLimit, { max: 5 }) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let request = 1; request <= 5; request++) await browser.get('/me')
  const { get } = store.counts
  t.equal((await browser.get('/me')).statusCode, 429)
  t.ok(store.counts.get > get)
})
