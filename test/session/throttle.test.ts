import session from '@fastify/session'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

t.test('an activity touches once touchInterval has passed', async t => {
  const clock = fakeClock(t)
  const store = new CountingStore(new JsonStore())
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, touchInterval: '1m' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const { set } = store.counts
  clock.tick(minute - 1)
  t.same((await browser.get('/me')).setCookies, [])
  t.equal(store.counts.set, set, 'not at the interval - 1 ms')
  clock.tick(1)
  t.equal((await browser.get('/me')).setCookies.length, 1, 'rolling: a touch sends the cookie again')
  t.equal(store.counts.set, set + 1, 'at the interval')
  clock.tick(minute + 1)
  await browser.get('/me')
  t.equal(store.counts.set, set + 2, 'at the interval + 1 ms')
})

t.test('a session may end up to touchInterval early, never late', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, touchInterval: '1m' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(minute - 1)
  t.equal((await browser.get('/me')).json().remaining, 29 * minute + 1, 'this activity did not count')
  clock.tick(29 * minute)
  t.equal((await browser.clone().get('/me')).json().userId, 'ada')
  const idle = createBrowser(app)
  await idle.post('/sign-in')
  clock.tick(minute - 1)
  await idle.get('/me')
  clock.tick(29 * minute + 1)
  t.equal((await idle.get('/me')).json().userId, null, '30 minutes after the last touch')
})

t.test('with touchInterval 0 every activity touches', async t => {
  const clock = fakeClock(t)
  const store = new CountingStore(new JsonStore())
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, touchInterval: 0 } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const { set } = store.counts
  for (let i = 0; i < 5; i++) {
    clock.tick(1)
    await browser.get('/me')
  }
  t.equal(store.counts.set, set + 5)
})

t.test('the touch is stored before the handler runs', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const gate = createGate()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.get('/slow', async request => {
        const touchedAt = store.peek(request.session.sessionId)!.sessionTimeout
        await gate.pass()
        return { touchedAt, userId: request.session.userId }
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const startedAt = clock.now()
  clock.tick(30 * minute - 1)
  const slow = browser.get('/slow')
  await gate.reached
  clock.tick(minute)
  t.equal((await browser.clone().get('/me')).json().userId, 'ada', 'a sibling past the old deadline finds the session live')
  gate.open()
  t.same((await slow).json(), { touchedAt: { startedAt, lastActivity: startedAt + 30 * minute - 1 }, userId: 'ada' })
})

t.test('50 parallel requests of one session cause one touch', async t => {
  const clock = fakeClock(t)
  for (const inner of [new JsonStore({ min: 1, max: 5 }), new session.MemoryStore()]) {
    const store = new CountingStore(inner)
    const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const { set } = store.counts
    clock.tick(2 * minute)
    const pages = await Promise.all(Array.from({ length: 50 }, () => browser.clone().get('/me')))
    t.equal(store.counts.set, set + 1)
    t.same(new Set(pages.map(page => page.json().remaining)), new Set([30 * minute]))
  }
})

t.test('a touch leaves what another request stored meanwhile', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes: app => { app.post('/note', async request => { request.session.note = 'kept' }) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(2 * minute)
  await Promise.all([browser.clone().post('/note'), browser.clone().get('/me'), browser.clone().get('/me')])
  t.match(store.peek(store.sessions()[0]!), { note: 'kept', sessionTimeout: { lastActivity: clock.now() } })
})

t.test('a touch is no modification: a handler that changes nothing causes no second write', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes: app => { app.get('/modified', async request => request.session.isModified()) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const { set } = store.counts
  clock.tick(2 * minute)
  t.equal((await browser.get('/modified')).body, 'false')
  t.equal(store.counts.set, set + 1)
})

t.test('a polling page does not keep its user signed in', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => { app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => request.session.userId ?? 'nobody') }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let i = 1; i < 180; i++) {
    clock.tick(10_000)
    t.equal((await browser.get('/poll')).body, 'ada')
  }
  clock.tick(10_000)
  t.equal((await browser.get('/poll')).body, 'nobody')
})
