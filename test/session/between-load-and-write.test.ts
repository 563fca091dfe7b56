import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { buildApp, signedIn, type AppOptions, type TestApp } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { settle, until } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

interface Setting extends TestApp {
  clock: FakeClock
  inner: JsonStore
  store: FaultyStore
  browser: Browser
  id: string
  /** What another process does once the request has loaded its session. */
  afterLoad (deed: () => void): void
}

async function open (t: Parameters<typeof buildApp>[0], options: AppOptions = {}): Promise<Setting> {
  const clock = fakeClock(t)
  const inner = new JsonStore()
  const store = new FaultyStore(inner)
  const { app, logs } = await buildApp(t, {
    ...options,
    session: { store },
    timeout: { appliesTo: signedIn, ...options.timeout },
    async routes (app) {
      app.delete('/unchecked', { config: { sessionTimeout: false } }, request => request.session.destroy())
      await options.routes?.(app)
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const id = inner.sessions()[0]!
  const get = inner.get.bind(inner)
  return {
    app,
    logs,
    clock,
    inner,
    store,
    browser,
    id,
    afterLoad (deed) {
      inner.get = (key, callback) => get(key, (error, found) => {
        inner.get = get
        deed()
        callback(error, found)
      })
    }
  }
}

t.test('a session that is gone when it should be ended was ended by somebody else', async t => {
  const { logs, clock, inner, browser, afterLoad } = await open(t, { timeout: { afterTimeout: 'unauthorized', onTimeout: () => { t.fail('told by the other') } } })
  clock.tick(30 * minute)
  afterLoad(() => inner.data.clear())
  t.equal((await browser.get('/me')).statusCode, 401)
  t.same(logs.filter(line => line.msg === 'session timed out'), [])
  t.same(inner.sessions(), [])
})

t.test('an extension by another process is not written over', async t => {
  const { clock, inner, store, browser, id, afterLoad } = await open(t)
  const startedAt = clock.now()
  clock.tick(10 * minute)
  const { set } = store.counts
  afterLoad(() => inner.moveClock(id, { startedAt, lastActivity: clock.now() - 1000 }))
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute - 1000 })
  t.equal(store.counts.set, set)
})

t.test('a restart by another process is not written over', async t => {
  const { clock, inner, browser, id, afterLoad } = await open(t)
  clock.tick(10 * minute)
  const restarted = { startedAt: clock.now() - 1000, lastActivity: clock.now() - 1000 }
  afterLoad(() => inner.moveClock(id, restarted, 'start'))
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
  t.same(inner.peek(id)!.sessionTimeout, { ...restarted, lastActivity: clock.now() })
})

t.test('requests that join a touch learn with it that the session has ended in this process', async t => {
  const { clock, inner, store, browser } = await open(t)
  clock.tick(10 * minute)
  store.plan.set.push('hang')
  const touching = browser.clone().get('/me')
  await until(() => store.held > 0, 'the touch')
  const joining = browser.clone().get('/me')
  await settle()
  t.equal((await browser.clone().request({ method: 'DELETE', url: '/unchecked' })).statusCode, 200)
  store.release()
  for (const page of await Promise.all([touching, joining])) {
    t.match(page.json(), { userId: null, ended: 'missing' })
    t.notOk(page.setCookies.some(line => !line.startsWith('sessionId=;')))
  }
  await settle()
  t.notOk(inner.data.has(entryId(decodeURIComponent(browser.cookie('sessionId')!).split('.')[0]!, 'activity')), 'and its clock goes with it')
})

t.test('a request that would touch while a stricter route ends the session gets the same answer', async t => {
  const { clock, inner, store, browser } = await open(t, {
    timeout: { afterTimeout: 'unauthorized' },
    routes: app => { app.get('/vault', { config: { sessionTimeout: { idleTimeout: '5m' } } }, async () => 'open') }
  })
  clock.tick(10 * minute)
  store.plan.destroy.push('hang')
  const strict = browser.clone().get('/vault')
  while (store.held === 0) await new Promise(resolve => setImmediate(resolve))
  const page = await browser.clone().get('/me')
  t.equal(page.statusCode, 401)
  t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_ENDED', message: 'The session ended because of inactivity' })
  store.release()
  t.equal((await strict).statusCode, 401)
  t.same(inner.sessions(), [])
})

t.test('a touch that cannot see what others have touched is not counted on', async t => {
  const { clock, logs, store, browser } = await open(t)
  clock.tick(10 * minute)
  // The load, and the look at the clock before it is written.
  store.plan.get.push('ok', 'error')
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 20 * minute })
  t.match(logs.filter(line => line.level === 40), [{ msg: 'session not extended: the session store failed' }])
})

t.test('a session that cannot be given its clock is not used, and is left as it was', async t => {
  const clock = fakeClock(t)
  const inner = new JsonStore()
  const store = new FaultyStore(inner)
  const { app: before } = await buildApp(t, { session: { store: inner }, timeout: false })
  const { app, logs } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
  const old = createBrowser(before)
  await old.post('/sign-in')
  const browser = createBrowser(app)
  browser.setCookie('sessionId', old.cookie('sessionId')!)
  store.plan.set.push('error')
  const page = await browser.get('/me')
  t.equal(page.statusCode, 503)
  t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_STORE' })
  t.same(page.setCookies, [], 'the cookie stays, for the next try')
  t.equal(logs.filter(line => line.level === 50).length, 1)
  t.notOk('sessionTimeout' in inner.peek(inner.sessions()[0]!)!)
  clock.tick(minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute }, 'stamped by the next request')
})

t.test('a restart does not mend a malformed record', async t => {
  const { inner, browser, id } = await open(t, {
    routes: app => {
      app.post('/restart', { config: { sessionTimeout: false } }, async request => {
        await request.sessionTimeout.restart()
        return 'restarted'
      })
    }
  })
  inner.data.set(id, JSON.stringify({ ...inner.peek(id), sessionTimeout: { startedAt: 'now' } }))
  t.equal((await browser.clone().post('/restart')).statusCode, 401)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('requests that join the end of a session that turns out to be live go on, where their route allows it', async t => {
  const { clock, inner, browser, id } = await open(t, {
    timeout: { countsAsActivity: () => false },
    routes: app => { app.get('/vault', { config: { sessionTimeout: { idleTimeout: '5m' } } }, async request => request.session.userId ?? 'nobody') }
  })
  const startedAt = clock.now()
  clock.tick(30 * minute)
  const get = inner.get.bind(inner)
  let loads = 0
  inner.get = (key, callback) => get(key, (error, found) => {
    // All three have loaded; another process reports an activity of ten minutes ago.
    if (++loads === 3) inner.moveClock(id, { startedAt, lastActivity: clock.now() - 10 * minute })
    callback(error, found)
  })
  const [first, second, vault] = await Promise.all([browser.clone().get('/me'), browser.clone().get('/me'), browser.clone().get('/vault')])
  t.match(first.json(), { userId: 'ada', ended: null })
  t.match(second.json(), { userId: 'ada', ended: null })
  t.equal(vault.body, 'nobody')
})

t.test('a session past its deadline whose sign-out is under way is left to that', async t => {
  const { clock, logs, inner, store, browser } = await open(t, { timeout: { countsAsActivity: () => false } })
  clock.tick(30 * minute - 1)
  store.plan.destroy.push('hang')
  const stale = browser.clone()
  const out = browser.post('/sign-out')
  while (store.held === 0) await new Promise(resolve => setImmediate(resolve))
  clock.tick(1)
  t.match((await stale.get('/me')).json(), { userId: null, ended: 'missing' })
  store.release()
  t.equal((await out).statusCode, 200)
  t.same(inner.sessions(), [])
  t.same(logs.filter(line => line.msg === 'session timed out'), [])
})

t.test('a touch beside an end elsewhere brings nothing back', async t => {
  const { app: here, clock, inner, store, browser } = await open(t)
  const { app: there } = await buildApp(t, { session: { store: new JsonStore({ data: inner.data }) }, timeout: { appliesTo: signedIn } })
  const elsewhere = createBrowser(there)
  elsewhere.setCookie('sessionId', browser.cookie('sessionId')!)
  clock.tick(10 * minute)
  store.plan.set.push('hang')
  const touching = browser.get('/me')
  await until(() => store.held > 0, 'the touch')
  t.equal((await elsewhere.post('/sign-out')).statusCode, 200)
  store.release()
  t.equal((await touching).statusCode, 200)
  t.same(inner.sessions(), [])
  for (const app of [here, there]) {
    const page = await app.inject({ url: '/me', headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })
    t.match(page.json(), { userId: null, ended: 'missing' })
  }
})

t.test('a session that ended while its load was under way is not ended again', async t => {
  const { clock, logs, inner, store, browser } = await open(t, { timeout: { afterTimeout: 'unauthorized' } })
  clock.tick(30 * minute)
  const get = inner.get.bind(inner)
  const loaded = new Promise<() => void>(resolve => {
    inner.get = (key, callback) => get(key, (error, found) => {
      inner.get = get
      resolve(() => callback(error, found))
    })
  })
  const slow = browser.clone().get('/me')
  const goOn = await loaded
  t.equal((await browser.clone().get('/me')).statusCode, 401)
  const { destroy } = store.counts
  goOn()
  t.equal((await slow).statusCode, 401)
  t.equal(store.counts.destroy, destroy)
  t.equal(logs.filter(line => line.msg === 'session timed out').length, 1)
})

/** What another process leaves of a session when it takes the user out of it. */
function signOutKeepingSession (inner: JsonStore, id: string): void {
  const { cookie, cart } = inner.peek(id)!
  inner.data.set(id, JSON.stringify({ cookie, cart }))
}

t.test('a session whose user another process takes out of it is not ended, and its user is not seen past the deadline', async t => {
  const { clock, inner, browser, id, afterLoad } = await open(t)
  clock.tick(30 * minute)
  afterLoad(() => signOutKeepingSession(inner, id))
  const page = await browser.get('/me')
  t.match(page.json(), { userId: null, ended: null, remaining: null })
  t.same(page.setCookies, [], 'the browser keeps its cookie')
  t.same(inner.sessions(), [id])
  t.match((await browser.get('/me')).json(), { userId: null, sessionId: id, ended: null, remaining: null })
})

t.test('a touch does not put the user back who was removed in another process, or time the session', async t => {
  const { clock, inner, browser, id, afterLoad } = await open(t)
  clock.tick(10 * minute)
  afterLoad(() => signOutKeepingSession(inner, id))
  await browser.get('/me')
  t.notOk('sessionTimeout' in inner.raw(id)!)
  t.notOk('userId' in inner.raw(id)!)
  clock.tick(60 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, sessionId: id, ended: null, remaining: null })
})

t.test('a session without a record that goes before it is given a clock stays gone', async t => {
  const { clock, inner, browser, id, afterLoad } = await open(t)
  clock.tick(minute)
  const { sessionTimeout, ...old } = inner.peek(id)!
  inner.data.set(id, JSON.stringify(old))
  afterLoad(() => inner.data.delete(id))
  await browser.get('/me')
  t.same(inner.sessions(), [])
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'missing' })
})

t.test('a session that another process extended ends for a stricter route all the same, though others found it live', async t => {
  const { clock, inner, browser, id, afterLoad } = await open(t, {
    timeout: { countsAsActivity: () => false },
    routes (app) {
      app.get('/strict', { config: { sessionTimeout: { idleTimeout: '10m' } } }, async request => ({ userId: request.session.userId ?? null, ended: request.sessionTimeout.ended }))
    }
  })
  const startedAt = clock.now()
  clock.tick(30 * minute)
  afterLoad(() => inner.moveClock(id, { startedAt, lastActivity: startedAt + 15 * minute }))
  const [general, strict] = await Promise.all([browser.clone().get('/me'), browser.clone().get('/strict')])
  t.match(general.json(), { userId: 'ada', ended: null })
  t.match(strict.json(), { userId: null, ended: 'idle' })
  t.same(inner.sessions(), [])
})

t.test('a restart of a session whose user another process takes out of it writes no clock', async t => {
  const gate = createGate()
  const { inner, browser, id } = await open(t, {
    routes (app) {
      app.post('/restart', async request => {
        await gate.pass()
        await request.sessionTimeout.restart()
        return 'restarted'
      })
    }
  })
  const restarting = browser.post('/restart')
  await gate.reached
  const { userId: _user, sessionTimeout: _clock, ...rest } = inner.raw(id)!
  inner.data.set(id, JSON.stringify(rest))
  gate.open()
  t.equal((await restarting).statusCode, 200)
  t.notOk(inner.data.has(entryId(id, 'start')))
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('a session whose user another process takes out of it does not pass where a recent sign-in is asked for', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store }, timeout: false })
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes (app) {
      app.get('/pay', { config: { sessionTimeout: { signedInWithin: '10m' } } }, async request => ({ userId: request.session.userId ?? null }))
    }
  })
  const older = createBrowser(before)
  await older.post('/sign-in')
  const browser = createBrowser(app)
  browser.setCookie('sessionId', older.cookie('sessionId')!)
  await browser.get('/me')
  clock.tick(11 * minute)
  // The clock of a session that is older than the plugin lies beside it, and goes with its user.
  store.data.delete(entryId(store.sessions()[0]!, 'start'))
  t.same((await browser.get('/pay')).json(), { userId: null })
})

t.test('a session that is ended while it is given its clock is over', async t => {
  fakeClock(t)
  const inner = new JsonStore()
  const store = new FaultyStore(inner)
  const { app: before } = await buildApp(t, { session: { store: inner }, timeout: false })
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
  const older = createBrowser(before)
  await older.post('/sign-in')
  const [id] = inner.sessions()
  store.plan.set.push('hang')
  const asking = app.inject({ url: '/me', headers: { cookie: `sessionId=${older.cookie('sessionId')}` } })
  await until(() => store.held === 1, 'the clock is being written')
  t.equal(await app.sessionTimeout.end(id!), true)
  store.release()
  t.equal((await asking).json().userId, null)
  t.same(inner.sessions(), [])
})
