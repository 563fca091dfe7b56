import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, signedIn, type TestApp } from '../helpers/app.js'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { openScene, settle, until } from '../helpers/scene.js'
import { FaultyStore, JsonStore, StoreDownError, type Fault, type Operation } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const faults: Fault[] = ['error', 'throw', 'reject', 'twice', 'hang']
const unhandled: unknown[] = []
const keepUnhandled = (error: unknown): void => { unhandled.push(error) }
process.on('unhandledRejection', keepUnhandled)

interface Scene extends TestApp {
  store: FaultyStore
  inner: JsonStore
  browser: Browser
  clock: FakeClock
}

async function signIn (t: Test): Promise<Scene> {
  const clock = fakeClock(t)
  const inner = new JsonStore()
  const store = new FaultyStore(inner)
  const built = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn, idleTimeout: '30m', endpoint: '/session-timeout' },
    routes (app) {
      app.post('/modify', async request => {
        request.session.note = 'changed'
        return { userId: request.session.userId ?? null }
      })
      app.post('/touch', async request => {
        await request.sessionTimeout.touch()
        return { userId: request.session.userId ?? null }
      })
    }
  })
  const browser = createBrowser(built.app)
  await browser.post('/sign-in')
  store.counts.get = store.counts.set = store.counts.destroy = 0
  return { ...built, store, inner, browser, clock }
}

/** One fault at the nth call of an operation; a store that hangs answers in the end. */
async function withFault (scene: Scene, operation: Operation, nth: number, fault: Fault, options: InjectOptions): Promise<Page> {
  scene.store.plan[operation] = [...Array<Fault>(nth).fill('ok'), fault]
  const running = scene.browser.request(options)
  const done = running.then(() => true)
  while (!await Promise.race([done, new Promise(resolve => setImmediate(resolve, false))])) {
    if (scene.store.held > 0) scene.store.release()
  }
  const page = await running
  scene.store.plan[operation] = []
  return page
}

const operations: Operation[] = ['get', 'set', 'destroy']

/** The first read is @fastify/session's own, which hears no promise and every answer. */
function isHosts (operation: Operation, nth: number, fault: Fault): boolean {
  return operation === 'get' && nth === 0 && (fault === 'reject' || fault === 'twice')
}

t.test('a session past its deadline, with every fault at every call of the store', async t => {
  for (const operation of operations) {
    for (const fault of faults) {
      for (let nth = 0; nth < 3; nth++) {
        if (isHosts(operation, nth, fault)) continue
        await t.test(`${fault} at ${operation} ${nth + 1}`, async t => {
          const scene = await signIn(t)
          scene.clock.tick(30 * minute)
          const page = await withFault(scene, operation, nth, fault, { url: '/me' })
          t.notMatch(page.body, /ada/, 'the request never sees the session')
          t.ok([200, 500, 503].includes(page.statusCode), String(page.statusCode))
          if (page.statusCode !== 200) t.same(page.setCookies, [], 'the cookie stays, so that the next request tries again')
          const next = await scene.browser.get('/me')
          t.match(next.json(), { userId: null }, 'when the store is back, the session ends')
          t.same(scene.inner.sessions(), [])
        })
      }
    }
  }
})

t.test('a destroy that fails is a 503, and nothing else is done', async t => {
  const scene = await signIn(t)
  scene.clock.tick(30 * minute)
  scene.store.always.destroy = 'error'
  for (let i = 0; i < 2; i++) {
    const page = await scene.browser.get('/me')
    t.match(page.json(), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
  }
  t.equal(scene.logs.filter(line => line.msg === 'session timed out').length, 0)
  scene.store.always.destroy = 'ok'
  t.match((await scene.browser.get('/me')).json(), { userId: null, ended: 'idle' })
  t.equal(scene.logs.filter(line => line.msg === 'session timed out').length, 1)
})

t.test('parallel requests of an ended session whose destroy fails all get a 503', async t => {
  const scene = await signIn(t)
  scene.clock.tick(30 * minute)
  scene.store.plan.destroy = ['error']
  const pages = await Promise.all(Array.from({ length: 10 }, () => scene.browser.clone().get('/me')))
  t.same(pages.map(page => page.statusCode), Array(10).fill(503))
})

t.test('a touch, with every fault at every call of the store: the request goes on', async t => {
  for (const operation of ['get', 'set'] as const) {
    for (const fault of faults) {
      // The host's own read of the session comes first.
      for (let nth = operation === 'get' ? 1 : 0; nth < 3; nth++) {
        await t.test(`${fault} at ${operation} ${nth + 1}`, async t => {
          const scene = await signIn(t)
          scene.clock.tick(10 * minute)
          const page = await withFault(scene, operation, nth, fault, { url: '/me' })
          t.match(page.json(), { userId: 'ada' })
          t.equal((await scene.browser.get('/me')).json().userId, 'ada', 'and the next one too')
        })
      }
    }
  }
})

t.test('a touch that fails is logged once, and has not extended the session', async t => {
  const scene = await signIn(t)
  scene.clock.tick(10 * minute)
  scene.store.always.set = 'error'
  const pages = await Promise.all(Array.from({ length: 10 }, () => scene.browser.clone().get('/me')))
  t.same(pages.map(page => page.json().userId), Array(10).fill('ada'))
  t.same(pages.map(page => page.json().remaining), Array(10).fill(20 * minute))
  t.equal(scene.logs.filter(line => line.level === 40).length, 1)
  t.same(pages.flatMap(page => page.setCookies), [])
  scene.clock.tick(20 * minute)
  scene.store.always.set = 'ok'
  t.match((await scene.browser.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('touch() of an open connection rejects with the fault of the store', async t => {
  const scene = await signIn(t)
  scene.clock.tick(10 * minute)
  scene.store.always.set = 'error'
  t.match((await scene.browser.post('/touch')).json(), { statusCode: 500, message: 'set' })
})

t.test('a modified session, with every fault at every call of the store', async t => {
  for (const operation of ['get', 'set'] as const) {
    for (const fault of faults) {
      for (let nth = operation === 'get' ? 1 : 0; nth < 3; nth++) {
        await t.test(`${fault} at ${operation} ${nth + 1}`, async t => {
          const scene = await signIn(t)
          const page = await withFault(scene, operation, nth, fault, { method: 'POST', url: '/modify' })
          const failing = fault === 'error' || fault === 'throw' || fault === 'reject'
          // It is read before, written once, and its mark looked for after.
          const reached = operation === 'get' || nth === 0
          t.equal(page.statusCode, failing && reached ? 500 : 200)
          t.equal((await scene.browser.get('/me')).json().userId, 'ada')
        })
      }
    }
  }
})

t.test('sign-in and sign-out, with every fault at every call of the store', async t => {
  for (const url of ['/sign-in', '/sign-out']) {
    for (const operation of operations) {
      for (const fault of faults) {
        for (let nth = 0; nth < 2; nth++) {
          if (isHosts(operation, nth, fault)) continue
          await t.test(`${url}: ${fault} at ${operation} ${nth + 1}`, async t => {
            const scene = await signIn(t)
            const old = scene.browser.clone()
            const page = await withFault(scene, operation, nth, fault, { method: 'POST', url })
            t.ok([200, 500].includes(page.statusCode), String(page.statusCode))
            const before = await old.get('/me')
            if (page.statusCode === 200) t.equal(before.json().userId, null, 'the old cookie no longer works')
            t.equal(before.statusCode, 200)
          })
        }
      }
    }
  }
})

t.test('the sign-out of the endpoint answers 503 when the store fails', async t => {
  const scene = await signIn(t)
  scene.store.always.destroy = 'error'
  const page = await scene.browser.request({ method: 'DELETE', url: '/session-timeout' })
  t.match(page.json(), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
  t.equal(page.json().stack, undefined)
})

t.test('a store that is down when the session is loaded is answered as @fastify/session does', async t => {
  const scene = await signIn(t)
  scene.store.always.get = 'error'
  const page = await scene.browser.get('/me')
  t.match(page.json(), { statusCode: 500, message: 'get' })
})

t.test('a store that reports ENOENT means missing', async t => {
  const scene = await signIn(t)
  const { get } = scene.inner
  scene.clock.tick(30 * minute)
  const { destroy } = scene.store.counts
  let calls = 0
  scene.inner.get = (id, callback) => {
    if (++calls === 1) get.call(scene.inner, id, callback)
    else callback(Object.assign(new StoreDownError('gone'), { code: 'ENOENT' }))
  }
  t.match((await scene.browser.get('/me')).json(), { userId: null, ended: 'idle' })
  t.ok(calls > 1, 'it was asked before the end')
  t.equal(scene.store.counts.destroy, destroy, 'there was nothing to destroy')
})

t.test('no fault has left an unhandled rejection', async t => {
  await new Promise(resolve => setImmediate(resolve))
  t.same(unhandled, [])
  process.removeListener('unhandledRejection', keepUnhandled)
})

t.test('a session that has come back and cannot be taken out again is a 503, and not used', async t => {
  for (const operation of ['get', 'destroy'] as const) {
    await t.test(operation, async t => {
      const inner = new JsonStore()
      const { browser, store, id } = await openScene(t, { store: new FaultyStore(inner) })
      const json = inner.data.get(id)!
      await browser.clone().post('/sign-out')
      inner.data.set(id, json)
      // The first read is the host's.
      store.plan[operation] = operation === 'get' ? ['ok', 'error'] : ['error']
      const page = await browser.clone().get('/me')
      t.equal(page.statusCode, 503)
      t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_STORE' })
      t.equal((await browser.get('/me')).json().userId, null)
      t.same(inner.sessions(), [])
    })
  }
})

t.test('the error that says so has that of the store as its cause', async t => {
  const old = new FaultyStore(new JsonStore())
  const { app: before } = await buildApp(t, { session: { store: old }, timeout: false })
  const causes: unknown[] = []
  const { browser, clock, store, app } = await openScene(t, {
    store: old,
    routes: app => {
      app.setErrorHandler((error, _request, reply) => {
        causes.push((error as Error).cause)
        return reply.code(503).send()
      })
    }
  })
  // A session that is older than the plugin, and cannot be given its clock.
  const older = createBrowser(before)
  await older.post('/sign-in')
  const upgraded = createBrowser(app)
  upgraded.setCookie('sessionId', older.cookie('sessionId')!)
  store.plan.set = ['error']
  t.equal((await upgraded.get('/me')).statusCode, 503)
  clock.tick(30 * minute)
  store.plan.destroy = ['error']
  t.equal((await browser.get('/me')).statusCode, 503)
  store.plan.destroy = ['error']
  await t.rejects(app.sessionTimeout.end(decodeURIComponent(browser.cookie('sessionId')!).split('.')[0]!), {
    code: 'FST_SESSION_TIMEOUT_STORE', cause: { name: 'StoreDownError', message: 'destroy' }
  })
  t.match(causes, [{ name: 'StoreDownError', message: 'set' }, { name: 'StoreDownError', message: 'destroy' }])
})

t.test('requests that come while the end of their session hangs keep its cookie, for the case that it fails', async t => {
  const { browser, clock, store } = await openScene(t, { store: new FaultyStore(new JsonStore()) })
  clock.tick(30 * minute)
  store.plan.destroy = ['hang']
  const first = browser.clone().get('/me')
  await until(() => store.held > 0, 'the destroy')
  const second = browser.clone().get('/me')
  await settle()
  store.release()
  for (const page of await Promise.all([first, second])) t.match(page.json(), { userId: null, ended: 'idle' })
})

t.test('a mark that a store cannot keep is said once', async t => {
  const store = new FaultyStore(new JsonStore())
  const { app, logs } = await openScene(t, { store })
  for (const user of ['ada', 'bob']) {
    const browser = createBrowser(app)
    await browser.post(`/sign-in?user=${user}`)
    store.plan.set = ['error']
    t.equal((await browser.post('/sign-out')).statusCode, 200)
  }
  const said = logs.filter(line => /cannot keep marks/.test(line.msg))
  t.equal(said.length, 1)
  t.match(said, [{ level: 40, err: { name: 'StoreDownError', message: 'set' } }])
})
