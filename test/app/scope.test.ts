import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import t from 'tap'
import sessionTimeout from '../../index.js'
import { buildApp, secret, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'

const plain = { secret, rolling: false, saveUninitialized: false, cookie: { secure: false } } as const

t.test('registered in an encapsulated scope with a prefix, it is active there alone', async t => {
  const clock = fakeClock(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(session, plain)
  app.post('/sign-in', async request => { request.session.userId = 'ada' })
  app.get('/outside', async request => ({ userId: request.session.userId ?? null, has: 'sessionTimeout' in request }))
  await app.register(async scope => {
    await scope.register(sessionTimeout, { endpoint: '/session-timeout', afterTimeout: { redirectTo: '/admin/login' } })
    scope.get('/me', async request => ({ userId: request.session.userId ?? null, has: 'sessionTimeout' in request }))
  }, { prefix: '/admin' })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.get('/admin/me')).json(), { userId: 'ada', has: true })
  t.match((await browser.get('/admin/session-timeout')).json(), { active: true, remaining: 30 * minute })
  t.equal((await browser.get('/session-timeout')).statusCode, 404)
  clock.tick(30 * minute)
  t.same((await browser.get('/outside')).json(), { userId: 'ada', has: false })
  t.equal((await browser.get('/admin/me')).statusCode, 401)
  t.same((await browser.get('/outside')).json(), { userId: null, has: false }, 'ended for everybody')
})

t.test('everything in one scope, sessions included', async t => {
  const clock = fakeClock(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async scope => {
    await scope.register(cookie)
    await scope.register(session, { ...plain, cookieName: 'area', cookie: { secure: false, path: '/area' } })
    await scope.register(sessionTimeout, { cookieName: 'area', endpoint: '/session-timeout' })
    scope.post('/sign-in', async request => { request.session.userId = 'ada' })
    scope.get('/me', async request => request.session.userId ?? 'nobody')
  }, { prefix: '/area' })
  const browser = createBrowser(app)
  await browser.post('/area/sign-in')
  clock.tick(29 * minute)
  t.equal((await browser.get('/area/me')).body, 'ada')
  t.match((await browser.get('/area/session-timeout')).json(), { active: true })
  clock.tick(30 * minute)
  t.equal((await browser.get('/area/me')).body, 'nobody')
})

t.test('scopes beside each other have policies of their own', async t => {
  const clock = fakeClock(t)
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [prefix, idleTimeout] of [['/slow', '1h'], ['/fast', '5m']] as const) {
    await app.register(async scope => {
      await scope.register(cookie)
      await scope.register(session, { ...plain, cookieName: prefix.slice(1), store: new session.MemoryStore() })
      await scope.register(sessionTimeout, { idleTimeout, cookieName: prefix.slice(1) })
      scope.post('/sign-in', async request => { request.session.userId = prefix })
      scope.get('/me', async request => request.session.userId ?? 'nobody')
    }, { prefix })
  }
  const browser = createBrowser(app)
  await browser.post('/slow/sign-in')
  await browser.post('/fast/sign-in')
  clock.tick(5 * minute)
  t.equal((await browser.get('/slow/me')).body, '/slow')
  t.equal((await browser.get('/fast/me')).body, 'nobody')
})

t.test('a prefix given to the plugin itself moves its endpoint', async t => {
  const { app } = await buildApp(t, { timeout: { endpoint: '/session-timeout', prefix: '/api' } as object })
  t.equal((await app.inject('/api/session-timeout')).statusCode, 200)
  t.equal((await app.inject('/session-timeout')).statusCode, 404)
})

t.test('several instances in one process share nothing', async t => {
  const clock = fakeClock(t)
  const apps = await Promise.all(['5m', '1h'].map(async idleTimeout => (await buildApp(t, { timeout: { idleTimeout, appliesTo: signedIn } })).app))
  const browsers = apps.map(app => createBrowser(app))
  await Promise.all(browsers.map(browser => browser.post('/sign-in')))
  clock.tick(5 * minute)
  t.same(await Promise.all(browsers.map(async browser => (await browser.get('/me')).json().userId)), [null, 'ada'])
})

t.test('two instances on one store agree on whether a session is live', async t => {
  const clock = fakeClock(t)
  const store = new session.MemoryStore()
  const apps = await Promise.all([1, 2].map(async () => (await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })).app))
  const first = createBrowser(apps[0]!)
  await first.post('/sign-in')
  const second = createBrowser(apps[1]!)
  second.setCookie('sessionId', first.cookie('sessionId')!)
  clock.tick(20 * minute)
  await first.get('/me')
  clock.tick(20 * minute)
  t.equal((await second.clone().get('/me')).json().userId, 'ada', 'extended by the other')
  clock.tick(30 * minute)
  t.equal((await first.clone().get('/me')).json().ended, 'idle')
  t.match((await second.get('/me')).json(), { userId: null, ended: 'idle' }, 'which knows why, too')
})

t.test('request.sessionTimeout is there on every request, 404s included', async t => {
  const { app } = await buildApp(t, { routes: app => { app.setNotFoundHandler(async request => request.sessionTimeout.ended) } })
  t.equal((await app.inject('/nowhere')).statusCode, 200)
})
