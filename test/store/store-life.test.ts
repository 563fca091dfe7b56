import session from '@fastify/session'
import type { Session } from 'fastify'
import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { openScene, settle } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { day, minute } from '../helpers/time.js'

function expiresIn (store: JsonStore, now: number): number {
  const { expires } = store.peek(store.sessions()[0]!)!.cookie as { expires: string }
  return Date.parse(expires) - now
}

async function open (t: Parameters<typeof buildApp>[0], timeout: AppOptions['timeout'], session: AppOptions['session'] = {}) {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store, ...session }, timeout: timeout!, routes: app => { app.post('/note', async request => { request.session.note = 'x' }) } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  return { clock, store, browser }
}

t.test('the stored copy expires a day after the latest deadline that it can have', async t => {
  const { clock, store, browser } = await open(t, { appliesTo: signedIn })
  t.equal(expiresIn(store, clock.now()), day + day, 'when stored')
  clock.tick(10 * minute)
  await browser.get('/me')
  t.equal(expiresIn(store, clock.now()), day + day - 10 * minute, 'when touched: it is not written')
  clock.tick(1000)
  await browser.post('/note')
  t.equal(expiresIn(store, clock.now()), day + day - 10 * minute - 1000, 'when saved')
})

t.test('near the absolute limit it is that deadline which counts', async t => {
  const { clock, store, browser } = await open(t, { appliesTo: signedIn, absoluteTimeout: '40m' })
  clock.tick(20 * minute)
  await browser.get('/me')
  t.equal(expiresIn(store, clock.now()), 20 * minute + day)
})

t.test('the lifetime of the stored copy does not depend on maxAge and rolling of the host', async t => {
  for (const rolling of [false, true]) {
    for (const maxAge of [minute, 400 * day]) {
      await t.test(`rolling ${rolling}, maxAge ${maxAge}`, async t => {
        const { clock, store, browser } = await open(t, { appliesTo: signedIn }, { rolling, cookie: { maxAge } })
        clock.tick(25 * minute)
        t.equal((await browser.get('/me')).json().userId, 'ada')
        t.equal(expiresIn(store, clock.now()), day + day - 25 * minute)
      })
    }
  }
})

t.test('within that day an ended session can still say why, after it is missing', async t => {
  const clock = fakeClock(t)
  for (const store of [new JsonStore(), new session.MemoryStore()]) {
    for (const [after, ended] of [[day + day - 1, 'idle'], [day + day, 'missing']] as const) {
      const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
      const browser = createBrowser(app)
      await browser.post('/sign-in')
      clock.tick(after)
      t.match((await browser.get('/me')).json(), { userId: null, ended })
    }
  }
})

t.test('an application that forgot the plugin in a scope still expires', async t => {
  const clock = fakeClock(t)
  for (const store of [new JsonStore(), new session.MemoryStore()]) {
    const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
    const { app: unguarded } = await buildApp(t, { session: { store }, timeout: false })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const elsewhere = createBrowser(unguarded)
    elsewhere.setCookie('sessionId', browser.cookie('sessionId')!)
    clock.tick(day + day - 1)
    t.equal((await elsewhere.clone().get('/me')).json().userId, 'ada')
    clock.tick(1)
    t.equal((await elsewhere.get('/me')).json().userId, null)
  }
})

/** Keeps what the application put in, and no cookie: its rows expire by a figure of their own. */
class CookielessStore extends JsonStore {
  override set (id: string, { cookie, ...data }: Session, callback: (error?: unknown) => void): void {
    super.set(id, data as Session, callback)
  }
}

t.test('a store that keeps no cookie is timed like any', async t => {
  const { browser, clock, store, id } = await openScene(t, {
    store: new CookielessStore(),
    routes (app) {
      app.post('/forget', async request => {
        delete request.session.userId
        return 'forgotten'
      })
    }
  })
  clock.tick(20 * minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
  t.same(Object.keys(store.peek(id)!).sort(), ['sessionTimeout', 'userId'])
  await browser.post('/forget')
  await settle()
  t.same(Object.keys(store.peek(id)!), [])
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
})
