import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { AppOptions } from '../helpers/app.js'
import { openScene, openTwins, settle, type Scene } from '../helpers/scene.js'
import { slowBodies, type SlowBodies } from '../helpers/slow-body.js'
import { fakeClock } from '../helpers/clock.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { day, minute, second } from '../helpers/time.js'

interface Slow extends Scene {
  slow: SlowBodies
  cookie: string
  /** What the hooks of the application saw, in order. */
  seen: string[]
}

function routes (app: FastifyInstance, seen: string[]): void {
  app.addHook('preValidation', async request => { seen.push(`preValidation ${request.session?.userId ?? null}`) })
  app.post('/order', async request => {
    seen.push(`handler ${request.session?.userId ?? null}`)
    return { userId: request.session?.userId ?? null, ended: request.sessionTimeout.ended, remaining: request.sessionTimeout.remaining }
  })
  app.post('/unchecked', { config: { sessionTimeout: false } }, async request => ({ userId: request.session?.userId ?? null }))
  app.post('/note', async request => {
    request.session.note = 'written'
    return { userId: request.session.userId ?? null }
  })
}

async function open (t: Test, timeout: AppOptions['timeout'] = {}): Promise<Slow> {
  const seen: string[] = []
  let slow!: SlowBodies
  const scene = await openScene(t, {
    timeout,
    routes (app) {
      slow = slowBodies(app)
      routes(app, seen)
    }
  })
  seen.length = 0
  return { ...scene, slow, seen, cookie: scene.browser.cookie('sessionId')! }
}

t.test('a body held back to the last millisecond of the session finds it live', async t => {
  const { clock, slow, cookie, seen } = await open(t)
  const order = await slow.begin({ url: '/order', cookie })
  clock.tick(30 * minute - 1)
  const page = await order.finish()
  t.match(page.json(), { userId: 'ada', ended: null, remaining: 1 })
  t.same(seen, ['preValidation ada', 'handler ada'])
})

for (const late of [30 * minute, 30 * minute + 1, day]) {
  t.test(`a body held back for ${late} ms is answered as one that came after the deadline`, async t => {
    await t.test('continue', async t => {
      const { clock, slow, cookie, seen, store } = await open(t)
      const order = await slow.begin({ url: '/order', cookie })
      clock.tick(late)
      const page = await order.finish()
      t.equal(page.status, 200)
      t.same(page.json(), { userId: null, ended: 'idle', remaining: null })
      t.same(seen, ['preValidation null', 'handler null'], 'the hooks of the application too')
      t.same(store.sessions(), [])
    })
    await t.test('unauthorized', async t => {
      const { clock, slow, cookie, seen, store } = await open(t, { afterTimeout: 'unauthorized' })
      const order = await slow.begin({ url: '/order', cookie })
      clock.tick(late)
      const page = await order.finish()
      t.equal(page.status, 401)
      t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
      t.match(page.headers, { 'www-authenticate': 'Session', 'cache-control': 'no-store' })
      t.same(seen, [])
      t.same(store.sessions(), [])
    })
    await t.test('a redirect', async t => {
      const { clock, slow, cookie, seen } = await open(t, { afterTimeout: { redirectTo: '/login' } })
      const order = await slow.begin({ url: '/order', cookie, headers: { 'sec-fetch-mode': 'navigate' } })
      clock.tick(late)
      const page = await order.finish()
      t.equal(page.status, 303)
      t.match(page.headers.location, /^\/login\?.*reason=idle/)
      t.same(seen, [])
    })
  })
}

t.test('the absolute deadline is held against a slow body too', async t => {
  const { clock, slow, cookie } = await open(t, { idleTimeout: false, absoluteTimeout: '1h' })
  const order = await slow.begin({ url: '/order', cookie })
  clock.tick(60 * minute)
  t.match((await order.finish()).json(), { userId: null, ended: 'absolute' })
})

t.test('nothing of an ended session is written or sent by the request with the slow body', async t => {
  const { clock, slow, cookie, store } = await open(t, { rolling: true })
  clock.tick(10 * minute)
  const note = await slow.begin({ url: '/note', cookie })
  clock.tick(30 * minute)
  const page = await note.finish()
  t.match(page.json(), { userId: null })
  t.notOk(String(page.headers['set-cookie']).includes(cookie))
  t.same(store.sessions().filter(id => store.peek(id)!.userId !== undefined), [])
})

t.test('a sign-out in this process is known when the body has come', async t => {
  const { browser, slow, cookie, seen } = await open(t)
  const orders = [await slow.begin({ url: '/order', cookie }), await slow.begin({ url: '/unchecked', cookie })]
  await browser.post('/sign-out')
  seen.length = 0
  t.match((await orders[0]!.finish()).json(), { userId: null, ended: 'missing', remaining: null })
  t.same(seen, ['preValidation null', 'handler null'])
  t.match((await orders[1]!.finish()).json(), { userId: null }, 'on a route that is not checked too')
})

t.test('a sign-out in another process is known to a body that took longer than a second', async t => {
  const { clock, slow, cookie, store, id } = await open(t)
  const order = await slow.begin({ url: '/order', cookie })
  store.data.delete(id)
  clock.tick(second + 1)
  t.match((await order.finish()).json(), { userId: null, ended: 'missing' })
})

t.test('an end in another process, with the mark it leaves, is known as well', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const bodies = new Map<FastifyInstance, SlowBodies>()
  const { here, there, cookie } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], {
    routes (app) {
      bodies.set(app, slowBodies(app))
      routes(app, [])
    }
  })
  const order = await bodies.get(here.app)!.begin({ url: '/order', cookie })
  clock.tick(30 * minute)
  t.match((await there.browser.get('/me')).json(), { userId: null, ended: 'idle' })
  const page = await order.finish()
  t.equal(page.json().userId, null)
  t.equal((await here.browser.get('/me')).json().userId, null)
})

t.test('a session extended during a slow body, in this process or another, has not ended', async t => {
  await t.test('an extension in this process during a slow body counts', async t => {
    const { clock, browser, slow, cookie } = await open(t)
    const order = await slow.begin({ url: '/order', cookie })
    clock.tick(20 * minute)
    await browser.get('/me')
    clock.tick(20 * minute)
    t.match((await order.finish()).json(), { userId: 'ada', ended: null })
    clock.tick(1)
    t.match((await browser.get('/me')).json(), { userId: 'ada' })
  })
  await t.test('an extension in another process during a slow body counts', async t => {
    const { clock, store, id, slow, cookie } = await open(t)
    const order = await slow.begin({ url: '/order', cookie })
    const startedAt = clock.now()
    clock.tick(40 * minute)
    store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: { startedAt, lastActivity: startedAt + 20 * minute } }))
    t.match((await order.finish()).json(), { userId: 'ada', ended: null, remaining: 10 * minute })
  })
})

t.test('a slow body and its siblings end the session once', async t => {
  let told = 0
  const { clock, browser, slow, cookie, logs, store } = await open(t, { onTimeout: () => { told++ } })
  const orders = await Promise.all([1, 2, 3].map(() => slow.begin({ url: '/order', cookie })))
  const { destroy } = store.counts
  clock.tick(30 * minute)
  const pages = await Promise.all([...orders.map(order => order.finish()), ...[1, 2, 3].map(() => browser.clone().get('/me'))])
  t.same(pages.map(page => page.json().ended), Array(6).fill('idle'))
  t.same({
    told,
    destroyed: store.counts.destroy - destroy,
    logged: logs.filter(line => line.msg === 'session timed out').length
  }, { told: 1, destroyed: 1, logged: 1 })
})

t.test('the endpoint does not extend a session whose deadline passed while the report was on its way', async t => {
  const { clock, slow, cookie, store } = await open(t, { endpoint: '/session-timeout' })
  const report = await slow.begin({ url: '/session-timeout', cookie })
  clock.tick(30 * minute)
  const page = await report.finish()
  t.equal(page.status, 401)
  t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  t.same(store.sessions(), [])
})

t.test('a store that fails when it is asked once more does not make the request a signed-in one', async t => {
  const store = new FaultyStore(new JsonStore())
  let slow!: SlowBodies
  let handled = 0
  const { clock, browser } = await openScene(t, {
    store,
    routes (app) {
      slow = slowBodies(app)
      app.post('/order', async () => { handled++ })
    }
  })
  const order = await slow.begin({ url: '/order', cookie: browser.cookie('sessionId')! })
  clock.tick(2 * second)
  store.plan.get.push('error')
  const page = await order.finish()
  t.ok(page.status >= 500, String(page.status))
  t.equal(handled, 0)
  t.equal((await browser.get('/me')).json().userId, 'ada', 'and the session is none the worse')
})

t.test('a body that comes within a second costs no further look at the store', async t => {
  const { clock, slow, cookie, store } = await open(t)
  const before = { ...store.counts }
  const order = await slow.begin({ url: '/order', cookie })
  clock.tick(second - 1)
  t.match((await order.finish()).json(), { userId: 'ada' })
  await settle()
  t.same(store.counts, { ...before, get: before.get + 1 })
})

t.test('a user whom another process took out of the session while the body came is nobody when it is there', async t => {
  const { clock, store, id, slow, cookie, browser, seen } = await open(t)
  const order = await slow.begin({ url: '/order', cookie })
  clock.tick(2 * second)
  store.data.set(id, JSON.stringify({ cookie: store.peek(id)!.cookie, cart: ['tea'] }))
  const page = await order.finish()
  t.match(page.json(), { userId: null, ended: null, remaining: null })
  t.same(seen, ['preValidation null', 'handler null'])
  t.equal(page.headers['set-cookie'], undefined, 'the browser keeps its cookie')
  t.match((await browser.get('/me')).json(), { userId: null, sessionId: id })
  t.match(store.peek(id), { cart: ['tea'] })
})

t.test('a record that is malformed when the body has come has ended', async t => {
  const { clock, store, id, slow, cookie } = await open(t)
  const order = await slow.begin({ url: '/order', cookie })
  clock.tick(2 * second)
  store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: 'yesterday' }))
  t.match((await order.finish()).json(), { userId: null, ended: 'idle' })
  t.same(store.sessions(), [])
})
