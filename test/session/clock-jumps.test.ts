import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

t.test('a record from the future is clamped to now and rewritten', async t => {
  const clock = fakeClock(t)
  for (const passive of [false, true]) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, countsAsActivity: () => !passive } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(-5 * hour)
    t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
    t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { startedAt: clock.now(), lastActivity: clock.now() } })
    clock.tick(30 * minute)
    t.equal((await browser.get('/me')).json().userId, null)
  }
})

t.test('a record from the future holds from now on, also where the store refuses to write that', async t => {
  const clock = fakeClock(t)
  const store = new FaultyStore(new JsonStore())
  const { app, logs } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(-5 * hour)
  store.always.set = 'error'
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
  t.match(logs.filter(({ level }) => level === 40), [{ msg: 'session not extended: the session store failed', err: { name: 'StoreDownError' } }])
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('a clock set back extends a session by no more than the step', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(20 * minute)
  clock.tick(-minute)
  clock.tick(11 * minute - 1)
  t.equal((await browser.clone().get('/me')).json().userId, 'ada')
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('a clock set forward past the deadline ends the session', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn } })
  for (const [step, ended] of [[30 * minute, 'idle'], [48 * hour, 'missing']] as const) {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(step)
    t.match((await browser.get('/me')).json(), { userId: null, ended })
  }
})

t.test('lastActivity never moves backwards', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const gate = createGate()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.post('/slow', async request => {
        await gate.pass()
        request.session.note = 'slow'
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(2 * minute)
  const slow = browser.post('/slow')
  await gate.reached
  clock.tick(10 * minute)
  const lastActivity = clock.now()
  await browser.clone().get('/me')
  gate.open()
  await slow
  t.match(store.peek(store.sessions()[0]!), { note: 'slow', sessionTimeout: { lastActivity } })
})
