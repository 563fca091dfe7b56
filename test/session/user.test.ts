import t from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { day, hour, minute } from '../helpers/time.js'

const user: FastifySessionTimeoutOptions['user'] = session => session.userId

const routes: NonNullable<AppOptions['routes']> = app => {
  app.post('/cart', async request => { request.session.cart = ['book'] })
  app.get('/cart', async request => request.session.cart ?? [])
  app.post('/plain-sign-in', async request => { request.session.userId = 'ada' })
  app.post('/plain-sign-out', async request => { delete request.session.userId })
}

async function open (t: Parameters<typeof buildApp>[0], timeout: AppOptions['timeout']) {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app, logs } = await buildApp(t, { session: { store }, timeout: timeout!, routes })
  return { clock, store, app, logs, browser: createBrowser(app) }
}

t.test('sessions of nobody keep no record and do not end', async t => {
  const { clock, store, browser } = await open(t, { user })
  await browser.post('/cart')
  t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!)
  clock.tick(3 * day)
  t.same((await browser.get('/cart')).json(), ['book'])
})

t.test('the session of a user ends', async t => {
  for (const after of [30 * minute - 1, 30 * minute, 30 * minute + 1]) {
    await t.test(`after ${after} ms`, async t => {
      const { clock, browser } = await open(t, { user })
      await browser.post('/sign-in')
      clock.tick(after)
      t.match((await browser.get('/me')).json(), after < 30 * minute ? { userId: 'ada', ended: null } : { userId: null, ended: 'idle' })
    })
  }
})

t.test('the clock starts when somebody signs in, and stops when nobody is signed in', async t => {
  const { clock, store, browser } = await open(t, { user })
  await browser.post('/cart')
  clock.tick(5 * hour)
  await browser.post('/plain-sign-in')
  t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { startedAt: clock.now(), lastActivity: clock.now() } })
  await browser.post('/plain-sign-out')
  t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!)
  clock.tick(3 * day)
  t.same((await browser.get('/cart')).json(), ['book'])
})

t.test('user is called with the session, and may return a number as well as a string', async t => {
  const seen = new Set<unknown>()
  const { clock, browser } = await open(t, {
    user (session) {
      seen.add((session as { userId?: string }).userId)
      return session.userId === undefined ? null : 42
    }
  })
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
  t.ok(seen.has('ada'))
})

t.test('appliesTo says which sessions are timed where both are given', async t => {
  const { clock, browser } = await open(t, { user, appliesTo: request => request.session.role === 'admin' })
  const admin = browser.clone()
  await browser.post('/sign-in')
  await admin.post('/sign-in?role=admin')
  clock.tick(30 * minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: null })
  t.match((await admin.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('an invalid value from user is a 500 with its own code, and nothing is stored', async t => {
  for (const [answer, received] of [[true, 'a boolean'], [{}, 'an object'], [Promise.resolve('ada'), 'a promise'], [['ada'], 'an array']] as const) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { session: { store }, timeout: { user: () => answer as unknown as string } })
    const page = await createBrowser(app).post('/sign-in')
    t.equal(page.statusCode, 500)
    t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: new RegExp(`user .*received ${received}`) })
    t.same(store.sessions(), [])
  }
})

t.test('a user function that throws fails the request, and is no fault of the store', async t => {
  let broken = false
  const { clock, browser, logs } = await open(t, {
    user (session) {
      if (broken) throw new Error('The user is unreadable')
      return session.userId
    }
  })
  await browser.post('/sign-in')
  clock.tick(10 * minute)
  broken = true
  const page = await browser.post('/cart')
  t.equal(page.statusCode, 500)
  t.not(page.json().code, 'FST_SESSION_TIMEOUT_STORE')
  t.same(logs.filter(line => /store failed/.test(line.msg)), [])
  broken = false
  t.equal((await browser.get('/me')).json().userId, 'ada')
})
