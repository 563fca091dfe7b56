import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const routes: NonNullable<AppOptions['routes']> = app => {
  app.get('/page', async (_request, reply) => reply.flash() ?? {})
  app.get('/plain', async () => 'plain')
  app.get('/login', async (_request, reply) => reply.flash() ?? {})
  app.post('/form', async (_request, reply) => reply.flash() ?? {})
}

const idleText = 'You were signed out because you were inactive for too long. Please sign in again.'

t.test('the next navigation is told why the session ended', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { flash: true, routes, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.same((await browser.navigate('/page')).json(), { warning: [idleText] })
  t.same((await browser.navigate('/page')).json(), {}, 'once')
})

t.test('the absolute limit has a text of its own', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { flash: true, routes, timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(60 * minute)
  t.same((await browser.navigate('/page')).json(), { warning: ['You were signed out because your session reached its time limit. Please sign in again.'] })
})

t.test('the message survives the redirect to the sign-in page', async t => {
  const clock = fakeClock(t)
  for (const saveUninitialized of [false, true]) {
    const { app } = await buildApp(t, { flash: true, routes, session: { saveUninitialized, store: new JsonStore() }, timeout: { appliesTo: signedIn, afterTimeout: { redirectTo: '/login' } } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(30 * minute)
    const page = await browser.navigate('/plain')
    t.equal(page.hops.length, 1)
    t.same(page.json(), { warning: [idleText] })
  }
})

t.test('an API call never creates a session to hold a message', async t => {
  const clock = fakeClock(t)
  for (const headers of [{}, { accept: 'application/json' }, { 'sec-fetch-mode': 'cors', accept: 'text/html' }, { 'hx-request': 'true', accept: 'text/html' }]) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { flash: true, routes, session: { store }, timeout: { appliesTo: signedIn } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(30 * minute)
    t.equal((await browser.get('/plain', headers)).statusCode, 200)
    t.same(store.sessions(), [])
  }
})

t.test('the message has the type and the text that the application gave', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { flash: true, routes, timeout: { appliesTo: signedIn, flash: { type: 'info', ended: (reason, request) => `${reason} at ${request.url}` } } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.same((await browser.navigate('/page')).json(), { info: ['idle at /page'] })
})

t.test('a session about to reach its absolute limit is told so on the first navigation, once', async t => {
  const clock = fakeClock(t)
  for (const store of [undefined, new JsonStore()]) {
    const { app } = await buildApp(t, { flash: true, routes, session: store ? { store } : {}, timeout: { appliesTo: signedIn, absoluteTimeout: '1h', warnBefore: '5m' } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(29 * minute)
    await browser.get('/me')
    clock.tick(26 * minute - 1)
    t.same((await browser.navigate('/page')).json(), {}, 'not yet at warnBefore + 1 ms')
    clock.tick(1)
    t.same((await browser.get('/page')).json(), {}, 'an API call is not told')
    t.same((await browser.navigate('/page', { headers: { 'sec-purpose': 'prefetch' } })).json(), {}, 'nor is a prefetch')
    t.same((await browser.navigate('/page')).json(), { warning: ['Your session ends in 5 minutes. Save your work; you will be asked to sign in again.'] })
    t.same((await browser.navigate('/page')).json(), {})
    clock.tick(4 * minute)
    t.same((await browser.navigate('/page')).json(), {}, 'a touch does not bring it back')
    t.equal((await browser.get('/me')).json().userId, 'ada', 'it was live all the time')
  }
})

t.test('nobody is warned whose user another process has just taken out of the session', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store }, timeout: false })
  const { app } = await buildApp(t, { flash: true, routes, session: { store }, timeout: { appliesTo: signedIn, absoluteTimeout: '1h', warnBefore: '5m' } })
  const older = createBrowser(before)
  await older.post('/sign-in')
  const browser = createBrowser(app)
  browser.setCookie('sessionId', older.cookie('sessionId')!)
  for (const pause of [0, 27, 27.5]) {
    clock.tick(pause * minute)
    await browser.get('/me')
  }
  clock.tick(minute / 2)
  const [id] = store.sessions()
  // The clock of a session that is older than the plugin lies beside it, and goes with its user.
  for (const kind of ['start', 'activity'] as const) store.data.delete(entryId(id!, kind))
  t.same((await browser.navigate('/page')).json(), {})
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('the default text counts minutes', async t => {
  const clock = fakeClock(t)
  for (const [left, text] of [[1, '1 minute'], [minute, '1 minute'], [minute + 1, '2 minutes'], [10 * minute, '10 minutes']] as const) {
    const { app } = await buildApp(t, { flash: true, routes, timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h', warnBefore: '10m' } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(60 * minute - left)
    t.same((await browser.navigate('/page')).json(), { warning: [`Your session ends in ${text}. Save your work; you will be asked to sign in again.`] })
  }
})

t.test('the warning has the type and the text that the application gave', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    flash: true, routes, timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h', flash: { type: 'notice', expiring: (remaining, request) => `${remaining} ms, ${String(request.session.userId)}` } }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(59 * minute)
  t.same((await browser.navigate('/page')).json(), { notice: ['60000 ms, ada'] })
})

t.test('the clocks started anew, the warning is due again', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    flash: true,
    timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h' },
    routes: app => {
      routes(app)
      app.post('/confirm', async request => { await request.sessionTimeout.restart() })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(59 * minute)
  t.match((await browser.navigate('/page')).json(), { warning: [String] })
  await browser.post('/confirm')
  t.same((await browser.navigate('/page')).json(), {})
  clock.tick(59 * minute)
  t.match((await browser.navigate('/page')).json(), { warning: [String] })
})

t.test('a message does not disturb what the application flashes itself', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    flash: true,
    timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h' },
    routes: app => {
      routes(app)
      app.post('/save', async request => { request.flash('success', 'Saved.') })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(59 * minute)
  await browser.post('/save')
  t.match((await browser.navigate('/page')).json(), { success: ['Saved.'], warning: [/^Your session ends in 1 minute/] })
})

t.test('no messages without @fastify/flash, or where they are switched off', async t => {
  const clock = fakeClock(t)
  for (const options of [{ timeout: { appliesTo: signedIn, absoluteTimeout: '1h' } }, { flash: true, timeout: { flash: false, appliesTo: signedIn, absoluteTimeout: '1h' } }] as const) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { ...options, session: { store } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(29 * minute)
    await browser.get('/me')
    clock.tick(29 * minute + 30_000)
    await browser.navigate('/me')
    t.notOk('flash' in store.peek(store.sessions()[0]!)!)
    clock.tick(2 * minute)
    await browser.navigate('/me')
    t.same(store.sessions(), [])
  }
})
