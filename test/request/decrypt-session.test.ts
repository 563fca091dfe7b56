import type { FastifyInstance, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { openScene, openTwins, until } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

interface Loaded {
  userId: string | null
  session: FastifyRequest['session'] | null
  error: unknown
}

/** As libraries for sockets do: with an object that was never a request of Fastify. */
function load (app: FastifyInstance, signedId: string, options?: object): Promise<Loaded> {
  const request = { headers: {}, cookies: {}, protocol: 'http', server: app, routeOptions: {} } as unknown as FastifyRequest
  return new Promise(resolve => {
    const callback = (error?: unknown): void => resolve({ userId: request.session?.userId ?? null, session: request.session ?? null, error: error ?? null })
    if (options) (app.decryptSession as unknown as (...values: unknown[]) => void)(signedId, request, options, callback)
    else app.decryptSession(signedId, request, callback)
  })
}

async function open (t: Test, store = new JsonStore()) {
  const scene = await openScene(t, { store })
  return { ...scene, signed: decodeURIComponent(scene.browser.cookie('sessionId')!) }
}

t.test('a live session is handed out, with options for its cookie too', async t => {
  const { app, clock, signed } = await open(t)
  clock.tick(30 * minute - 1)
  t.match(await load(app, signed), { userId: 'ada', error: null })
  t.match(await load(app, signed, { path: '/' }), { userId: 'ada', error: null })
})

t.test('decryptSession replaces a session past its idle deadline by an empty one', async t => {
  const { app, clock, browser, signed, store, id } = await open(t)
  clock.tick(30 * minute)
  const { userId, session, error } = await load(app, signed)
  t.same({ error, userId }, { error: null, userId: null })
  t.not(session?.sessionId, id)
  t.ok(store.data.has(id), 'the next request with its cookie ends it')
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('decryptSession does not return a session past its absolute deadline, however active', async t => {
  const { app, clock, browser, signed } = await open(t)
  for (let activity = 0; activity < 24 * 3 - 1; activity++) {
    clock.tick(20 * minute)
    await browser.get('/me')
  }
  t.match(await load(app, signed), { userId: 'ada' })
  clock.tick(20 * minute)
  t.match(await load(app, signed), { userId: null, error: null })
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'absolute' })
})

t.test('decryptSession does not return a session with a malformed record', async t => {
  const { app, signed, store, id } = await open(t)
  store.data.set(id, JSON.stringify({ ...store.raw(id), sessionTimeout: { startedAt: 'now' } }))
  t.match(await load(app, signed), { userId: null, error: null })
})

t.test('decryptSession does not return a session that was ended in this process and came back', async t => {
  const { app, signed, store, id } = await open(t)
  const json = store.data.get(id)!
  t.equal(await app.sessionTimeout.end(id), true)
  store.data.set(id, json)
  t.match(await load(app, signed), { userId: null, error: null })
})

t.test('decryptSession returns a session that another process has extended', async t => {
  const data = new Map<string, string>()
  const { here, there } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })])
  const clock = fakeClock(t, { start: Date.now() })
  clock.tick(20 * minute)
  await there.browser.get('/me')
  clock.tick(20 * minute)
  t.match(await load(here.app, decodeURIComponent(here.browser.cookie('sessionId')!)), { userId: 'ada', error: null })
})

t.test('a session without a clock is', async t => {
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => { app.post('/cart', async request => { request.session.cart = ['tea'] }) }
  })
  const page = await app.inject({ method: 'POST', url: '/cart' })
  const { session, error } = await load(app, decodeURIComponent(page.cookies[0]!.value))
  t.equal(error, null)
  t.same(session!.cart, ['tea'])
})

t.test('a session older than the plugin is handed out until the clock beside it is over', async t => {
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store }, timeout: false })
  const old = createBrowser(before)
  await old.post('/sign-in')
  const clock = fakeClock(t)
  const [first, second] = [await buildApp(t, { session: { store } }), await buildApp(t, { session: { store: new JsonStore({ data: store.data }) } })]
  const browser = createBrowser(first.app)
  browser.setCookie('sessionId', old.cookie('sessionId')!)
  await browser.get('/me')
  const signed = decodeURIComponent(old.cookie('sessionId')!)
  for (const { app } of [first, second]) t.match(await load(app, signed), { userId: 'ada' })
  clock.tick(30 * minute)
  for (const { app } of [first, second]) t.match(await load(app, signed), { userId: null })
})

t.test('a session that is ended while it is looked at is not handed out', async t => {
  const store = new FaultyStore(new JsonStore())
  const { app, clock, browser, id } = await openScene(t, { store })
  const signed = decodeURIComponent(browser.cookie('sessionId')!)
  clock.tick(30 * minute)
  // The session, then both entries of its record.
  store.plan.get = ['ok', 'hang', 'hang']
  const loading = load(app, signed)
  await until(() => store.held === 2, 'the question')
  await app.sessionTimeout.end(id)
  store.release()
  t.match(await loading, { userId: null, error: null })
})

t.test('a session older than the plugin whose record is gone is handed out: nobody has ended it', async t => {
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store }, timeout: false })
  const browser = createBrowser(before)
  await browser.post('/sign-in')
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { session: { store } })
  const known = createBrowser(app)
  known.setCookie('sessionId', browser.cookie('sessionId')!)
  const { sessionId } = (await known.get('/me')).json()
  for (const key of store.data.keys()) if (key !== sessionId) store.data.delete(key)
  clock.tick(30 * minute)
  t.match(await load(app, decodeURIComponent(browser.cookie('sessionId')!)), { userId: 'ada', error: null })
})

t.test('a forged id gives an empty one', async t => {
  const { app } = await open(t)
  t.match(await load(app, 'forged'), { userId: null, error: null })
})

t.test('a store that fails hands nothing out', async t => {
  const store = new FaultyStore(new JsonStore())
  const { app, clock, browser } = await openScene(t, { store })
  const signed = decodeURIComponent(browser.cookie('sessionId')!)
  store.always.get = 'error'
  t.match(await load(app, signed), { userId: null, error: { message: 'get' } })
  store.always.get = 'ok'
  clock.tick(30 * minute)
  store.plan.get = ['ok', 'error']
  t.match(await load(app, signed), { userId: null, session: null, error: { message: 'get' } })
})

t.test('decryptSession in a handler: the loaded session is checked, and its saves are guarded', async t => {
  const { app, browser, clock } = await openScene(t, {
    routes (app) {
      app.post<{ Body: { signed: string } }>('/adopt', { config: { sessionTimeout: false } }, async request => {
        await new Promise<void>((resolve, reject) => {
          app.decryptSession(request.body.signed, request, error => error ? reject(error) : resolve())
        })
        request.session.note = 'adopted'
        return { userId: request.session.userId ?? null }
      })
    }
  })
  const signed = decodeURIComponent(browser.cookie('sessionId')!)
  const adopt = () => app.inject({ method: 'POST', url: '/adopt', payload: { signed } })
  t.same((await adopt()).json(), { userId: 'ada' })
  clock.tick(30 * minute)
  t.same((await adopt()).json(), { userId: null })
})
