import { PassThrough } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import session from '@fastify/session'
import { Authenticator } from '@fastify/passport'
import { Strategy } from 'passport-local'
import t, { type Test } from 'tap'
import sessionTimeout from '../../index.js'
import { settle } from '../examples/live.js'
import { secret } from '../helpers/app.js'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

declare module 'fastify' {
  interface Session {
    passport?: string
  }
}

interface Site {
  app: FastifyInstance
  store: JsonStore
  browser: Browser
}

async function buildSite (t: Test, setUp: (app: FastifyInstance) => Promise<void>): Promise<Site> {
  const app = Fastify()
  t.teardown(() => app.close())
  const store = new JsonStore()
  await app.register(cookie)
  await app.register(formbody)
  await app.register(session, { secret, store, rolling: false, saveUninitialized: false, cookie: { secure: false } })
  await setUp(app)
  app.get('/account', async request => ({ user: request.user ?? null, signedIn: request.isAuthenticated(), note: request.session.note ?? null }))
  app.get('/login', async (_request, reply) => ({ messages: reply.flash('warning') }))
  app.post('/note', async request => { request.session.note = 'kept' })
  return { app, store, browser: createBrowser(app) }
}

function signIn (browser: Browser, password = 'correct'): Promise<Page> {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  return browser.post('/login', `username=ada&password=${password}`, form)
}

function createPassport (): InstanceType<typeof Authenticator> {
  const passport = new Authenticator()
  passport.use('local', new Strategy((name, _password, done) => done(null, { name })))
  passport.registerUserSerializer(async user => (user as { name: string }).name)
  passport.registerUserDeserializer(async name => ({ name }))
  return passport
}

t.test('Passport signs in, and the plugin signs out who is away too long, with a message', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t, app => follow('@fastify/passport', app))
  t.equal((await signIn(browser)).headers.location, '/account')
  clock.tick(29 * minute)
  t.same((await browser.get('/account')).json(), { user: { name: 'ada' }, signedIn: true, note: null })
  clock.tick(30 * minute)
  const ended = await browser.navigate('/account')
  t.same(ended.hops, ['/login?returnTo=%2Faccount&reason=idle'])
  t.match(ended.json().messages, [/inactive/])
  t.same((await browser.get('/account')).json(), { user: null, signedIn: false, note: null })
})

t.test('a wrong password changes nothing, and a visitor is not timed', async t => {
  const clock = fakeClock(t)
  const { browser, store } = await buildSite(t, app => follow('@fastify/passport', app))
  await browser.post('/note')
  t.equal((await signIn(browser, 'wrong')).headers.location, '/login')
  clock.tick(31 * minute)
  t.same((await browser.get('/account')).json(), { user: null, signedIn: false, note: 'kept' })
  t.equal(store.peek(store.sessions()[0]!)?.sessionTimeout, undefined)
})

t.test('signing in with a cookie of yesterday works at once', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t, app => follow('@fastify/passport', app))
  await signIn(browser)
  clock.tick(31 * minute)
  t.equal((await signIn(browser)).headers.location, '/account')
  t.match((await browser.get('/account')).json(), { signedIn: true })
})

for (const afterTimeout of ['continue', 'unauthorized'] as const) {
  const outcome = afterTimeout === 'continue' ? 'works at once' : 'costs the password that was typed'
  t.test(`a cookie of yesterday under 'unauthorized', and '${afterTimeout}' for the route that signs in: ${outcome}`, async t => {
    const clock = fakeClock(t)
    const { browser } = await buildSite(t, async app => {
      const passport = createPassport()
      await app.register(passport.initialize())
      await app.register(sessionTimeout, { user: session => session.passport, afterTimeout: 'unauthorized' })
      await app.register(passport.secureSession())
      app.post('/login', { config: { sessionTimeout: { afterTimeout } }, preValidation: passport.authenticate('local') }, async () => 'signed in')
    })
    await signIn(browser)
    clock.tick(31 * minute)
    t.equal((await signIn(browser)).statusCode, afterTimeout === 'continue' ? 200 : 401)
    t.match((await browser.get('/account')).json(), { signedIn: afterTimeout === 'continue' })
  })
}

for (const [order, user] of [['after', null], ['before', { name: 'ada' }]] as const) {
  t.test(`secureSession() ${order} the plugin restores ${user ? 'a user' : 'nobody'} from a session that ended while the body came`, async t => {
    const clock = fakeClock(t)
    let began = false
    const { browser } = await buildSite(t, async app => {
      const passport = createPassport()
      await app.register(passport.initialize())
      if (order === 'before') await app.register(passport.secureSession())
      await app.register(sessionTimeout, { user: session => session.passport })
      if (order === 'after') await app.register(passport.secureSession())
      app.post('/login', { preValidation: passport.authenticate('local') }, async () => 'signed in')
      app.addHook('preParsing', async () => { began = true })
      app.post('/who', async request => ({ user: request.user ?? null }))
    })
    await signIn(browser)
    began = false
    const body = new PassThrough()
    const answer = browser.request({ method: 'POST', url: '/who', payload: body, headers: { 'content-type': 'application/json' } })
    body.write('{')
    await settle(() => began)
    clock.tick(31 * minute)
    body.end('}')
    t.same((await answer).json(), { user })
  })
}

t.test('keepSessionInfo does not carry the record over at sign-in', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t, async app => {
    const passport = createPassport()
    await app.register(passport.initialize())
    await app.register(sessionTimeout, { idleTimeout: '30m', absoluteTimeout: '1h' })
    await app.register(passport.secureSession())
    app.post('/login', { preValidation: passport.authenticate('local', { keepSessionInfo: true }) }, async () => 'signed in')
  })
  await browser.post('/note')
  clock.tick(20 * minute)
  await browser.get('/account')
  clock.tick(20 * minute)
  await signIn(browser)
  // An hour after the visitor came, 20 minutes after the user did.
  clock.tick(20 * minute)
  t.match((await browser.get('/account')).json(), { signedIn: true, note: 'kept' })
  clock.tick(30 * minute)
  t.match((await browser.get('/account')).json(), { signedIn: false, note: null })
})

t.test('signing in does not take the clock of a user along who was signed in already', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t, app => follow('@fastify/passport', app))
  await signIn(browser)
  clock.tick(20 * minute)
  await signIn(browser)
  clock.tick(29 * minute)
  t.match((await browser.get('/account')).json(), { signedIn: true })
})

t.test('after logOut() the old session stays gone, also for a request on its way', async t => {
  fakeClock(t)
  const gate = createGate()
  const { browser, store } = await buildSite(t, async app => {
    await follow('@fastify/passport', app)
    app.get('/slow', async request => {
      request.session.note = 'written late'
      await gate.pass()
      return 'done'
    })
  })
  await signIn(browser)
  const old = browser.clone()
  const slow = old.clone().get('/slow')
  await gate.reached
  t.equal((await browser.post('/logout')).headers.location, '/login')
  gate.open()
  await slow
  for (const id of store.sessions()) t.notMatch(store.peek(id), { passport: 'ada' })
  t.match((await old.get('/account')).json(), { signedIn: false, note: null })
})

t.test('asked for request.isAuthenticated(), which knows nothing yet, the record still times the session', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t, async app => {
    const passport = createPassport()
    await app.register(passport.initialize())
    await app.register(sessionTimeout, { appliesTo: request => request.isAuthenticated() })
    await app.register(passport.secureSession())
    app.post('/login', { preValidation: passport.authenticate('local') }, async () => 'signed in')
  })
  await signIn(browser)
  clock.tick(30 * minute)
  t.match((await browser.get('/account')).json(), { signedIn: false })
})
