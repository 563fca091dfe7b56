import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { settle } from '../helpers/scene.js'
import { CountingStore, FaultyStore, JsonStore } from '../helpers/stores.js'
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
    await settle()
    t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!, 'neither in the session nor beside it')
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
  await settle()
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
  for (const timeout of [false, { user: session => session.userId }] as Array<AppOptions['timeout']>) {
    const store = new CountingStore(new JsonStore())
    const { app } = await buildApp(t, { session: { store }, timeout: timeout!, routes })
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

t.test('where appliesTo may say no now and yes later, it costs one look at the store in each touchInterval', async t => {
  const clock = fakeClock(t)
  const store = new CountingStore(new JsonStore())
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, touchInterval: '1m' }, routes })
  const browser = createBrowser(app)
  await browser.post('/cart')
  const before = { ...store.counts }
  for (let i = 0; i < 10; i++) {
    clock.tick(minute)
    for (let again = 0; again < 3; again++) t.same((await browser.get('/cart')).setCookies, [])
  }
  t.same(store.counts, { get: before.get + 30 + 10, set: before.set, destroy: before.destroy })
})

/** Says who is signed in only once a later hook has set it. */
const late: AppOptions = {
  timeout: { appliesTo: request => 'member' in request && request.member !== undefined },
  routes (app) {
    app.addHook('preHandler', async request => { Object.assign(request, { member: request.session.userId }) })
    app.get('/late', async request => ({ userId: request.session.userId ?? null, ended: request.sessionTimeout.ended }))
  }
}

t.test('an appliesTo that says yes at the end of a request gives the session a clock, and one warning', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store }, timeout: false })
  const { app, logs } = await buildApp(t, { ...late, session: { store } })
  const browser = createBrowser(app)
  const older = createBrowser(before)
  await older.post('/sign-in')
  browser.setCookie('sessionId', older.cookie('sessionId')!)
  const [id] = store.sessions()
  const stored = store.data.get(id!)
  let signedInPages = 0
  for (let request = 0; request < 6; request++) {
    if ((await browser.clone().get('/late')).json().userId !== null) signedInPages++
    clock.tick(45 * minute)
  }
  t.equal(signedInPages, 1, 'requests 45 minutes apart under a limit of 30')
  t.notOk(store.data.has(id!))
  t.match(logs.filter(line => line.level === 40), [{ msg: /appliesTo says no to a session when it is loaded/ }])
  t.equal(logs.filter(line => line.level === 40).length, 1)

  await older.post('/sign-in')
  const [next] = store.sessions()
  browser.setCookie('sessionId', older.cookie('sessionId')!)
  const raw = store.data.get(next!)
  for (let request = 0; request < 6; request++) {
    t.equal((await browser.get('/late')).json().userId, 'ada', 'an active user stays')
    clock.tick(20 * minute)
  }
  t.equal(store.data.get(next!), raw, 'and nothing was written into the session')
  t.ok(stored)
})

t.test('where the store refuses that clock, the request is answered, and the log says so', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const { app: before } = await buildApp(t, { session: { store: new JsonStore({ data }) }, timeout: false })
  const store = new FaultyStore(new JsonStore({ data }))
  const { app, logs } = await buildApp(t, { ...late, session: { store } })
  const browser = createBrowser(before)
  await browser.post('/sign-in')
  store.always.set = 'error'
  const page = await app.inject({ url: '/late', headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })
  t.match(page.json(), { userId: 'ada' })
  t.match(logs.filter(line => line.level === 40), [
    { msg: /appliesTo says no to a session when it is loaded/ },
    { msg: 'session without a clock: the session store failed', err: { name: 'StoreDownError' } }
  ])
})

t.test('a process that saves that session says what is wrong with appliesTo', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const { app: before } = await buildApp(t, { session: { store: new JsonStore({ data }) }, timeout: false })
  const browser = createBrowser(before)
  await browser.post('/sign-in')
  const headers = { cookie: `sessionId=${browser.cookie('sessionId')}` }
  const options: AppOptions = {
    ...late,
    session: { store: new JsonStore({ data }) },
    routes (app) {
      late.routes!(app)
      app.post('/save', async request => { request.session.note = 'saved' })
    }
  }
  const here = await buildApp(t, options)
  const there = await buildApp(t, { ...options, session: { store: new JsonStore({ data }) } })
  await here.app.inject({ url: '/late', headers })
  t.equal((await there.app.inject({ method: 'POST', url: '/save', headers })).statusCode, 200)
  t.match(there.logs.filter(line => line.level === 40), [{ msg: /appliesTo says no to a session when it is loaded/ }])
})

t.test('another process times that session too', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const { app: before } = await buildApp(t, { session: { store: new JsonStore({ data }) }, timeout: false })
  const [here, there] = await Promise.all([1, 2].map(async () => createBrowser((await buildApp(t, { ...late, session: { store: new JsonStore({ data }) } })).app)))
  const older = createBrowser(before)
  await older.post('/sign-in')
  for (const browser of [here!, there!]) browser.setCookie('sessionId', older.cookie('sessionId')!)
  t.equal((await here!.get('/late')).json().userId, 'ada')
  clock.tick(30 * minute)
  t.match((await there!.get('/late')).json(), { userId: null, ended: 'idle' })
})

t.test('a visitor whose user was taken out is not timed by the clock that another process has left', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const withRestart: AppOptions = {
    timeout: { appliesTo: signedIn },
    routes (app) {
      routes(app)
      app.post('/restart', async request => { await request.sessionTimeout.restart() })
    }
  }
  const [here, there] = await Promise.all([1, 2].map(async () => createBrowser((await buildApp(t, { ...withRestart, session: { store: new JsonStore({ data }) } })).app)))
  await here!.post('/cart')
  await here!.post('/plain-sign-in')
  clock.tick(minute)
  await here!.post('/restart')
  there!.setCookie('sessionId', here!.cookie('sessionId')!)
  await there!.post('/plain-sign-out')
  clock.tick(2 * hour)
  t.same((await there!.get('/cart')).json(), ['book'])
  t.same((await here!.get('/cart')).json(), ['book'])
})
