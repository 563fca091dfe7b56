import { setTimeout as sleep } from 'node:timers/promises'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import sessionTimeout, { type FastifySessionTimeoutOptions } from '../../index.js'
import { secret, signedIn, type LogLine } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { createGate, type Gate } from '../helpers/gate.js'
import { until } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

interface Siblings {
  app: FastifyInstance
  logs: LogLine[]
  clock: FakeClock
  inner: JsonStore
  store: FaultyStore
  browser: Browser
  told: string[]
  signals: AbortSignal[]
  gates: Gate[]
}

/** One application, one store, the plugin once in each of two scopes: /shop and /desk. */
async function open (t: Test, { sessions = 'around', timers = false }: { sessions?: 'around' | 'inside', timers?: boolean } = {}): Promise<Siblings> {
  const clock = fakeClock(t, { timers })
  const inner = new JsonStore()
  const store = new FaultyStore(inner)
  const logs: LogLine[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { logs.push(JSON.parse(line)) } } } })
  t.teardown(() => app.close())
  const told: string[] = []
  const signals: AbortSignal[] = []
  const gates: Gate[] = []
  const host = { secret, rolling: false, saveUninitialized: false, store, cookie: { secure: false, path: '/' } }
  await app.register(cookie)
  if (sessions === 'around') await app.register(session, host)
  for (const prefix of ['/shop', '/desk']) {
    await app.register(async scope => {
      if (sessions === 'inside') await scope.register(session, host)
      const timeout: FastifySessionTimeoutOptions = { appliesTo: signedIn, touchInterval: '1m', onTimeout: () => { told.push(prefix) } }
      await scope.register(sessionTimeout, timeout)
      scope.post('/sign-in', async request => {
        await request.session.regenerate()
        request.session.userId = 'ada'
        return 'in'
      })
      scope.post('/sign-out', async request => {
        await request.session.destroy()
        return 'out'
      })
      scope.get('/me', async request => ({ userId: request.session.userId ?? null, ended: request.sessionTimeout.ended, remaining: request.sessionTimeout.remaining }))
      scope.get('/listen', async (request, reply) => {
        signals.push(request.sessionTimeout.signal)
        const gate = createGate()
        gates.push(gate)
        await gate.pass()
        return reply.send('closed')
      })
      scope.post('/held-note', async request => {
        const gate = createGate()
        gates.push(gate)
        await gate.pass()
        request.session.note = 'late'
        return 'noted'
      })
      scope.post('/note', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => {
        request.session.note = 'kept'
        return 'noted'
      })
    }, { prefix })
  }
  await app.ready()
  const browser = createBrowser(app)
  await browser.post('/shop/sign-in')
  return { app, logs, clock, inner, store, browser, told, signals, gates }
}

for (const sessions of ['around', 'inside'] as const) {
  t.test(`with @fastify/session ${sessions} two scopes over one store`, async t => {
    await t.test('an end is told once, and logged once', async t => {
      const { browser, clock, told, logs, inner, store } = await open(t, { sessions })
      clock.tick(30 * minute)
      const { destroy } = store.counts
      const urls = Array.from({ length: 10 }, (_, number) => number % 2 === 0 ? '/shop/me' : '/desk/me')
      const pages = await Promise.all(urls.map(url => browser.clone().get(url)))
      t.same(pages.map(page => page.json().ended), Array(10).fill('idle'), 'all get one answer')
      t.equal(told.length, 1)
      t.equal(logs.filter(line => line.msg === 'session timed out').length, 1)
      t.equal(store.counts.destroy - destroy, 1)
      t.same(inner.sessions(), [])
      t.equal((await browser.clone().get('/desk/me')).json().ended, 'idle', 'those that come after too')
      t.equal((await browser.clone().get('/shop/me')).json().ended, 'idle')
    })

    await t.test('a sign-out in one ends the connections of the other at once', async t => {
      const { browser, signals, gates } = await open(t, { sessions, timers: true })
      const listening = browser.clone().get('/shop/listen')
      await until(() => gates.length === 1, 'the connection')
      t.equal(signals[0]!.aborted, false)
      await browser.clone().post('/desk/sign-out')
      t.equal(signals[0]!.aborted, true)
      t.match(signals[0]!.reason, { code: 'FST_SESSION_TIMEOUT_ENDED' })
      gates[0]!.open()
      await listening
    })

    await t.test('a request under way in one does not bring back what ended in the other', async t => {
      const { browser, inner, gates } = await open(t, { sessions })
      const noting = browser.clone().post('/shop/held-note')
      await until(() => gates.length === 1, 'the request')
      await browser.clone().post('/desk/sign-out')
      gates[0]!.open()
      await noting
      t.same(inner.sessions(), [])
      t.equal((await browser.get('/shop/me')).json().userId, null)
    })

    await t.test('their writes of one session do not overwrite each other', async t => {
      const { browser, clock, store, inner } = await open(t, { sessions })
      store.plan.set.push('hang')
      const noting = browser.clone().post('/shop/note')
      await until(() => store.held > 0, 'the save')
      clock.tick(20 * minute)
      const touching = browser.clone().get('/desk/me')
      await sleep(20)
      store.release()
      await Promise.all([noting, touching])
      const [id] = inner.sessions()
      t.match(inner.peek(id!), { note: 'kept', sessionTimeout: { lastActivity: clock.now() } })
    })

    await t.test('an activity in one keeps the connections of the other', async t => {
      const { browser, clock, signals, gates } = await open(t, { sessions, timers: true })
      const listening = browser.clone().get('/shop/listen')
      await until(() => gates.length === 1, 'the connection')
      for (let i = 0; i < 3; i++) {
        await clock.run(20 * minute)
        t.equal((await browser.clone().get('/desk/me')).json().userId, 'ada')
        t.equal(signals[0]!.aborted, false)
      }
      await browser.clone().post('/desk/sign-out')
      t.equal(signals[0]!.aborted, true)
      gates[0]!.open()
      await listening
    })

    await t.test('100 touches of both in one millisecond are one', async t => {
      const { browser, clock, store } = await open(t, { sessions })
      clock.tick(10 * minute)
      const { set } = store.counts
      await Promise.all(Array.from({ length: 100 }, (_, number) => browser.clone().get(number % 2 === 0 ? '/shop/me' : '/desk/me')))
      t.equal(store.counts.set - set, 1)
      clock.tick(second)
    })
  })
}
