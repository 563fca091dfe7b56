import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

const routes: NonNullable<AppOptions['routes']> = app => {
  app.post('/cart', async request => { request.session.cart = ['book'] })
  app.post('/cart-again', async request => { request.session.cart = [...request.session.cart!, 'pen'] })
  app.get('/cart', async request => request.session.cart ?? [])
  app.post('/plain-sign-in', async request => { request.session.userId = 'ada' })
  app.post('/plain-sign-out', async request => { delete request.session.userId })
}

t.test('where appliesTo says no, no record is kept and nothing ends', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, routes })
  const browser = createBrowser(app)
  await browser.post('/cart')
  t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!)
  clock.tick(72 * hour)
  t.same((await browser.get('/cart')).json(), ['book'])
})

t.test('the clock of a visitor starts at sign-in, without a regenerated session too', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, routes })
  const browser = createBrowser(app)
  await browser.post('/cart')
  clock.tick(72 * hour)
  await browser.post('/plain-sign-in')
  t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { startedAt: clock.now(), lastActivity: clock.now() } })
  clock.tick(30 * minute - 1)
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
})

t.test('taking the user out of the session takes its record out, so that the next user starts anew', async t => {
  const clock = fakeClock(t)
  for (const touched of [false, true]) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, routes })
    const browser = createBrowser(app)
    await browser.post('/cart')
    await browser.post('/plain-sign-in')
    clock.tick(touched ? 10 * minute : 1)
    await browser.post('/plain-sign-out')
    t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!)
    clock.tick(25 * hour)
    t.same((await browser.get('/cart')).json(), ['book'], 'the anonymous session lives on')
    await browser.post('/plain-sign-in')
    t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 30 * minute })
  }
})

t.test('a session that no longer times out gets back the cookie life that the application gave it', async t => {
  const clock = fakeClock(t)
  for (const maxAge of [undefined, 7 * 24 * hour]) {
    for (const store of [undefined, new JsonStore()]) {
      const { app } = await buildApp(t, {
        session: { ...store && { store }, cookie: maxAge === undefined ? {} : { maxAge } },
        timeout: { appliesTo: signedIn, sessionOnly: false },
        routes
      })
      const browser = createBrowser(app)
      await browser.post('/cart')
      await browser.post('/plain-sign-in')
      clock.tick(minute)
      const page = await browser.post('/plain-sign-out')
      t.equal(page.setCookies.length, 1)
      if (maxAge === undefined) t.notMatch(page.setCookies[0], /expires|max-age/i)
      else t.match(page.setCookies[0], `Expires=${new Date(clock.now() + maxAge).toUTCString()}`)
    }
  }
})

t.test('a record is taken out when the session is stored while appliesTo says no, not before', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  let applies = true
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: () => applies }, routes })
  const browser = createBrowser(app)
  await browser.post('/cart')
  applies = false
  clock.tick(minute)
  t.match((await browser.get('/me')).json(), { ended: null, remaining: 30 * minute }, 'the record is the fact')
  await browser.post('/cart-again')
  t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!)
  clock.tick(72 * hour)
  t.same((await browser.get('/cart')).json(), ['book', 'pen'])
  applies = true
  t.match((await browser.get('/me')).json(), { ended: null, remaining: 30 * minute }, 'stamped at first sight')
})

t.test('appliesTo sees the session as it is', async t => {
  const seen: Array<string | undefined> = []
  const { app } = await buildApp(t, {
    timeout: {
      appliesTo: request => {
        seen.push(request.session.userId)
        return true
      }
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  await browser.get('/me')
  t.same([...new Set(seen)], [undefined, 'ada'])
})

t.test('an anonymous session costs a request no more than without the plugin', async t => {
  const clock = fakeClock(t)
  for (const timeout of [false, { appliesTo: signedIn }] as const) {
    const store = new CountingStore(new JsonStore())
    const { app } = await buildApp(t, { session: { store }, timeout, routes })
    const browser = createBrowser(app)
    await browser.post('/cart')
    const before = { ...store.counts }
    for (let i = 0; i < 10; i++) {
      clock.tick(minute)
      t.same((await browser.get('/cart')).setCookies, [])
    }
    t.same(store.counts, { get: before.get + 10, set: before.set, destroy: before.destroy })
  }
})
