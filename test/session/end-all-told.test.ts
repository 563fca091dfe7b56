import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions, SessionEnd } from '../../index.js'
import { buildApp, type TestApp } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { Air, MemoryBus } from '../helpers/end-bus.js'
import { createGate } from '../helpers/gate.js'
import { until } from '../helpers/scene.js'
import { CountingStore, SharedStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

interface Process extends TestApp {
  store: CountingStore
  /** What the signals of its streams were aborted with. */
  reasons: unknown[]
  open: (browser: Browser) => Promise<void>
}

async function openProcess (
  t: Test, data: Map<string, string>, timeout: FastifySessionTimeoutOptions = {}
): Promise<Process> {
  const store = new CountingStore(new SharedStore(data))
  const reasons: unknown[] = []
  const gate = createGate()
  t.teardown(() => gate.open())
  let opened = 0
  const built = await buildApp(t, {
    session: { store },
    timeout: { idleTimeout: '4h', user: session => session.userId, endpoint: '/session-timeout', ...timeout },
    routes (app) {
      app.get('/stream', async request => {
        const { signal } = request.sessionTimeout
        signal.addEventListener('abort', () => { reasons.push(signal.reason.reason) })
        opened++
        await gate.pass()
      })
    }
  })
  async function open (browser: Browser): Promise<void> {
    const before = opened
    const going = browser.clone().get('/stream')
    going.catch(() => {})
    await until(() => opened > before, 'the stream')
  }
  return { ...built, store, reasons, open }
}

function at (app: FastifyInstance, browser: Browser): Browser {
  const other = createBrowser(app)
  other.setCookie('sessionId', browser.cookie('sessionId')!)
  return other
}

async function signIn (app: FastifyInstance, user = 'ada'): Promise<Browser> {
  const browser = createBrowser(app)
  await browser.post(`/sign-in?user=${user}`)
  return browser
}

async function whoIs (browser: Browser): Promise<string | null> {
  return (await browser.clone().get('/me')).json().userId
}

function openClock (t: Test): FakeClock {
  return fakeClock(t, { timers: true })
}

t.test('open connections of the user close at once in this process, as by a revocation', async t => {
  const clock = openClock(t)
  const { app, open, reasons } = await openProcess(t, new Map())
  await open(await signIn(app))
  await open(await signIn(app))
  await open(await signIn(app, 'bob'))
  await app.sessionTimeout.endAll('ada')
  await clock.run(1)
  t.same(reasons, ['revoked', 'revoked'])
})

t.test('connections in another process close within touchInterval after endAll', async t => {
  const clock = openClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openProcess(t, data), await openProcess(t, data)]
  await there.open(await signIn(there.app))
  await here.app.sessionTimeout.endAll('ada')
  await clock.run(minute + second)
  t.same(there.reasons, ['revoked'])
})

t.test('with a bus they close at once everywhere, and sessions without a connection are over at once', async t => {
  const clock = openClock(t)
  const data = new Map<string, string>()
  const air = new Air()
  const [here, there] = [
    await openProcess(t, data, { endBus: new MemoryBus(air) }), await openProcess(t, data, { endBus: new MemoryBus(air) })
  ]
  await clock.run(10 * second)
  const [used, bobs] = [await signIn(there.app), await signIn(there.app, 'bob')]
  await there.open(used)
  await there.open(bobs)
  const other = await signIn(there.app)
  await here.app.sessionTimeout.endAll('ada')
  await clock.run(1)
  t.same(there.reasons, ['revoked'])
  t.equal(await whoIs(other), null)
  t.equal(await whoIs(bobs), 'bob')
  t.equal(air.said.filter(message => message.startsWith('user.')).length, 1)
  t.notMatch(air.said.join(), 'ada')
})

t.test('a message about a user is checked with the store, and not believed', async t => {
  openClock(t)
  const data = new Map<string, string>()
  const air = new Air()
  const { app } = await openProcess(t, data, { endBus: new MemoryBus(air) })
  const browser = await signIn(app)
  await app.sessionTimeout.endAll('ada')
  const message = air.said.find(one => one.startsWith('user.'))!
  const later = await signIn(app)
  for (const bus of air.buses) bus.hear(message)
  t.equal(await whoIs(later), 'ada')
  t.equal(await whoIs(browser), null)
})

t.test('a message that comes while the store is being asked makes it be asked again', async t => {
  openClock(t)
  const data = new Map<string, string>()
  const air = new Air()
  const bus = new MemoryBus(air)
  const here = await openProcess(t, data)
  const there = await openProcess(t, data, { endBus: bus })
  const browser = await signIn(here.app)
  await here.app.sessionTimeout.endAll('bob')
  const held: Array<() => void> = []
  const { inner } = there.store
  const get = inner.get.bind(inner)
  inner.get = (id, callback) => {
    if (data.get(id)?.includes('userId')) return get(id, callback)
    // The answer is that of now, and arrives later.
    get(id, (error, session) => { held.push(() => callback(error, session)) })
  }
  const first = at(there.app, browser).get('/me')
  await until(() => held.length === 1, 'the first question')
  await here.app.sessionTimeout.endAll('ada')
  const [entry] = [...data].filter(([, json]) => JSON.parse(json).generation !== undefined).slice(-1)
  bus.hear(`user.${entry![0]}`)
  inner.get = get
  const second = await at(there.app, browser).get('/me')
  t.equal(second.json().userId, null)
  for (const answer of held) answer()
  t.equal((await first).json().userId, null, 'and nobody gets it who waits for the older answer')
})

t.test('endAll publishes a revocation on the diagnostics channel, once for each session', async t => {
  openClock(t)
  const ends: SessionEnd[] = []
  const note = (message: unknown): void => { ends.push(message as SessionEnd) }
  subscribe('fastify-session-timeout:end', note)
  t.teardown(() => unsubscribe('fastify-session-timeout:end', note))
  let timeouts = 0
  const { app } = await openProcess(t, new Map(), { onTimeout () { timeouts++ } })
  const [laptop, phone] = [await signIn(app), await signIn(app)]
  await app.sessionTimeout.endAll('ada')
  await Promise.all([whoIs(laptop), whoIs(laptop), whoIs(laptop), whoIs(phone)])
  t.same(ends.map(({ reason }) => reason), ['revoked', 'revoked'])
  t.equal(timeouts, 0, 'it is no timeout')
})

t.test('the browser client hears of it as of a revocation, and nothing can extend the session', async t => {
  const clock = openClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openProcess(t, data), await openProcess(t, data)]
  const browser = await signIn(there.app)
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(minute)
  t.match((await browser.clone().get('/session-timeout')).json(), { active: false, ended: 'missing' })
  t.equal((await browser.clone().post('/session-timeout')).statusCode, 401)
  t.equal((await browser.clone().request({ method: 'DELETE', url: '/session-timeout' })).statusCode, 204)
})

t.test('touch() and restart() of a connection refuse a session that is over', async t => {
  const clock = openClock(t)
  const data = new Map<string, string>()
  const here = await openProcess(t, data)
  for (const deed of ['touch', 'restart'] as const) {
    const gate = createGate()
    const { app } = await buildApp(t, {
      session: { store: new SharedStore(data) },
      timeout: { idleTimeout: '4h', user: session => session.userId },
      routes (app) {
        app.get('/socket', async request => {
          await gate.pass()
          return request.sessionTimeout[deed]().then(() => 'done', ({ code }) => code)
        })
      }
    })
    const going = at(app, await signIn(here.app)).get('/socket')
    await gate.reached
    await here.app.sessionTimeout.endAll('ada')
    clock.tick(minute)
    gate.open()
    t.equal((await going).body, 'FST_SESSION_TIMEOUT_ENDED', deed)
  }
})

t.test('endAll costs one read for each session and touchInterval, and one for each sign-in', async t => {
  const clock = openClock(t)
  const data = new Map<string, string>()
  const without = await openProcess(t, new Map(), { user: undefined as never, appliesTo: request => request.session.userId !== undefined })
  const withUser = await openProcess(t, data)
  const count = async ({ store }: Process, deed: () => Promise<unknown>): Promise<object> => {
    const before = { ...store.counts }
    await deed()
    const { get, set, destroy } = store.counts
    return { get: get - before.get, set: set - before.set, destroy: destroy - before.destroy }
  }
  const browsers = new Map<Process, Browser>()
  const steps: Array<[name: string, more: number, deed: (process: Process) => Promise<unknown>]> = [
    ['sign-in', 1, async process => { browsers.set(process, await signIn(process.app)) }],
    ['20 requests of an hour\'s first minute', 0, async process => {
      for (let request = 0; request < 20; request++) await browsers.get(process)!.get('/me')
    }],
    ['the next minute', 1, async process => {
      await Promise.all(Array.from({ length: 20 }, () => browsers.get(process)!.clone().get('/me')))
      for (let request = 0; request < 20; request++) await browsers.get(process)!.get('/me')
    }]
  ]
  for (const [name, more, deed] of steps) {
    const [plain, asked] = [await count(without, () => deed(without)), await count(withUser, () => deed(withUser))] as Array<{ get: number }>
    t.same(asked, { ...plain, get: plain!.get + more }, name)
    if (name !== 'sign-in') clock.tick(minute)
  }
  const third = await openProcess(t, data)
  const fresh = at(third.app, browsers.get(withUser)!)
  const { get } = third.store.counts
  for (let request = 0; request < 20; request++) await fresh.get('/session-timeout/client.js')
  t.equal(third.store.counts.get - get, 21, 'first sight in another process, on routes that are not checked')
})

t.test('an open connection has it looked at once in each touchInterval', async t => {
  const clock = openClock(t)
  const plain = await openProcess(t, new Map(), { user: undefined as never, appliesTo: request => request.session.userId !== undefined })
  const asked = await openProcess(t, new Map())
  for (const { open, app } of [plain, asked]) await open(await signIn(app))
  const before = [plain.store.counts.get, asked.store.counts.get]
  await clock.run(10 * minute + second)
  const [without, withUser] = [plain.store.counts.get - before[0]!, asked.store.counts.get - before[1]!]
  t.equal(without, 20)
  t.equal(withUser - without, 10)
})

t.test('endAll ends two hundred sessions of one user in two processes', async t => {
  const clock = openClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openProcess(t, data), await openProcess(t, data)]
  const before = []
  for (let one = 0; one < 200; one++) before.push(await signIn(one % 2 === 0 ? here.app : there.app))
  await here.app.sessionTimeout.endAll('ada')
  const after = [await signIn(here.app), await signIn(there.app)]
  clock.tick(minute)
  for (const { app } of [there, here]) {
    for (const browser of before) if (await whoIs(at(app, browser)) !== null) t.fail('a session that began before is open')
    for (const browser of after) t.equal(await whoIs(at(app, browser)), 'ada')
  }
})
