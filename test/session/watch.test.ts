import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions, SessionTimeout } from '../../index.js'
import { buildApp } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { openScene, settle, until, type Scene } from '../helpers/scene.js'
import { FaultyStore, SharedStore } from '../helpers/stores.js'
import { hour, minute, second } from '../helpers/time.js'

interface Watching extends Scene<FaultyStore> {
  data: Map<string, string>
  timeouts: SessionTimeout[]
  /** Of a socket that stays open until the test says otherwise. */
  watch: (id?: string) => Promise<{ signal: AbortSignal, closed: AbortController }>
}

/** A signed-in user, and sockets that are no requests. */
async function open (t: Test, timeout: FastifySessionTimeoutOptions = {}): Promise<Watching> {
  const data = new Map<string, string>()
  const timeouts: SessionTimeout[] = []
  const scene = await openScene(t, {
    store: new FaultyStore(new SharedStore(data)),
    timers: true,
    timeout: {
      user: session => session.userId,
      appliesTo: undefined as never,
      onTimeout: (_request, _reply, timeout) => { timeouts.push(timeout) },
      ...timeout
    }
  })
  async function watch (id = scene.id) {
    const closed = new AbortController()
    return { signal: await scene.app.sessionTimeout.watch(id, { until: closed.signal }), closed }
  }
  return { ...scene, data, timeouts, watch }
}

/** The same application in another process, over the same data. */
async function openOther (t: Test, { data, browser }: Watching, timeout: FastifySessionTimeoutOptions = {}) {
  const { app } = await buildApp(t, {
    session: { store: new SharedStore(data) }, timeout: { user: session => session.userId, ...timeout }
  })
  const other = createBrowser(app)
  other.setCookie('sessionId', browser.cookie('sessionId')!)
  return { app, browser: other }
}

/** How many timers the application holds. */
function timers (): number {
  return (setTimeout as unknown as { clock: { countTimers (): number } }).clock.countTimers()
}

t.test('the signal of a watched session aborts at its idle deadline', async t => {
  const { clock, watch, browser, data, id, timeouts } = await open(t)
  const { signal } = await watch()
  await clock.run(30 * minute - 1)
  await settle()
  t.equal(signal.aborted, false, 'a millisecond before')
  await clock.run(1)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', statusCode: 401, reason: 'idle' })
  t.ok(data.has(id), 'the next request ends the session')
  t.same(timeouts, [])
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
  t.match(timeouts, [{ reason: 'idle', session: { userId: 'ada' } }])
})

t.test('the signal of a watched session aborts at its absolute deadline, however active the user', async t => {
  const { clock, watch, browser } = await open(t, { absoluteTimeout: '1h' })
  const { signal } = await watch()
  for (let round = 0; round < 2; round++) {
    await clock.run(20 * minute)
    await browser.get('/me')
  }
  await clock.run(20 * minute)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'absolute' })
})

t.test('requests keep a watched session open, in this process and in another', async t => {
  const scene = await open(t)
  const { clock, watch, browser } = scene
  const { signal } = await watch()
  const other = await openOther(t, scene)
  for (const one of [browser, other.browser]) {
    await clock.run(30 * minute - 1)
    await settle()
    t.equal((await one.get('/me')).json().userId, 'ada')
  }
  await clock.run(30 * minute - 1)
  await settle()
  t.equal(signal.aborted, false)
  await clock.run(1)
  await until(() => signal.aborted, 'the end')
})

t.test('a watched session that is being extended at its deadline stays open', async t => {
  const { clock, watch, store, browser } = await open(t)
  const { signal } = await watch()
  await clock.run(30 * minute - 1)
  await settle()
  store.plan.set = ['hang']
  const extending = browser.get('/me')
  await until(() => store.held === 1, 'the touch')
  await clock.run(1)
  await settle()
  t.equal(signal.aborted, false, 'the store has not answered yet')
  store.release()
  t.equal((await extending).json().userId, 'ada')
  await settle()
  t.equal(signal.aborted, false)
})

t.test('an end in this process aborts the signal of a watched session at once', async t => {
  const ways: Array<[string, (scene: Watching) => Promise<unknown>, string]> = [
    ['a sign-out', ({ browser }) => browser.post('/sign-out'), 'signed-out'],
    ['end()', ({ app, id }) => app.sessionTimeout.end(id), 'revoked'],
    ['endAll()', ({ app }) => app.sessionTimeout.endAll('ada'), 'revoked'],
    ['another sign-in', ({ browser }) => browser.post('/sign-in?user=bob'), 'signed-out']
  ]
  for (const [way, deed, reason] of ways) {
    await t.test(way, async t => {
      const scene = await open(t)
      const { signal } = await scene.watch()
      await deed(scene)
      await scene.clock.run(1)
      await until(() => signal.aborted, 'the end')
      t.match(signal.reason, { reason })
    })
  }
})

t.test('an end in another process aborts the signal of a watched session within 30 s', async t => {
  const scene = await open(t)
  const { clock, watch, id } = scene
  const { signal } = await watch()
  const other = await openOther(t, scene)
  await other.app.sessionTimeout.end(id)
  await clock.run(30 * second)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'missing' })
})

t.test('a sign-out everywhere in another process aborts the signal of a watched session within touchInterval', async t => {
  const scene = await open(t)
  const { clock, watch } = scene
  const { signal } = await watch()
  const other = await openOther(t, scene)
  await other.app.sessionTimeout.endAll('ada')
  await clock.run(30 * second)
  await settle()
  await clock.run(30 * second)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'revoked' })
})

t.test('a session that another user has taken over is closed to the sockets of the first', async t => {
  const { clock, watch, data, id } = await open(t)
  const { signal } = await watch()
  data.set(id, JSON.stringify({ ...JSON.parse(data.get(id)!), userId: 'bob' }))
  await clock.run(30 * second)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'missing' })
})

t.test('the signal is aborted from the start without a live, timed session', async t => {
  const scene = await open(t)
  const { app, clock, watch, data, id, browser } = scene
  t.match((await watch('no such session')).signal.reason, { reason: 'missing' })

  const closed = AbortSignal.abort()
  t.match((await app.sessionTimeout.watch(id, { until: closed })).reason, { reason: 'missing' }, 'the socket has closed')

  const json = data.get(id)!
  data.set(id, JSON.stringify({ ...JSON.parse(json), sessionTimeout: { startedAt: 'now' } }))
  t.match((await watch()).signal.reason, { reason: 'idle' }, 'a malformed record')

  const { userId, sessionTimeout, ...visitor } = JSON.parse(json)
  data.set(id, JSON.stringify(visitor))
  t.match((await watch()).signal.reason, { reason: 'missing' }, 'nobody is signed in')
  data.set(id, json)

  await clock.run(30 * minute)
  t.match((await watch()).signal.reason, { reason: 'idle' }, 'past its deadline')
  await browser.get('/me')
  t.match((await watch()).signal.reason, { reason: 'idle' }, 'ended for that')
  t.equal(timers(), 1, 'that which removes what is kept beside sessions')
})

t.test('the signal is aborted from the start for a user who was signed out everywhere in another process', async t => {
  const scene = await open(t)
  const other = await openOther(t, scene)
  await other.app.sessionTimeout.endAll('ada')
  await scene.clock.run(minute)
  t.match((await scene.watch()).signal.reason, { reason: 'revoked' })
})

t.test('a session that another process has ended is noticed when it is to be watched', async t => {
  const scene = await open(t)
  const first = await scene.watch()
  const other = await openOther(t, scene)
  await other.app.sessionTimeout.end(scene.id)
  t.match((await scene.watch()).signal.reason, { reason: 'missing' })
  t.equal(first.signal.aborted, true, 'the sockets before it are closed as well')
})

t.test('nothing is watched any more for a socket that has closed', async t => {
  const { clock, watch } = await open(t)
  const sockets = [await watch(), await watch()]
  t.equal(timers(), 1, 'one timer for both')
  sockets[0]!.closed.abort()
  t.equal(timers(), 1)
  sockets[1]!.closed.abort()
  t.equal(timers(), 0)
  await clock.run(hour)
  t.equal(sockets[0]!.signal.aborted || sockets[1]!.signal.aborted, false, 'they hear of nothing')
})

t.test('a socket that closes while the store is asked is not watched', async t => {
  const { app, id } = await open(t)
  const closed = new AbortController()
  const watching = app.sessionTimeout.watch(id, { until: closed.signal })
  closed.abort()
  t.match((await watching).reason, { reason: 'missing' })
  t.equal(timers(), 0)
})

t.test('a closing server aborts the signals of watched sessions, and of those that are asked for meanwhile', async t => {
  const { app, watch, store } = await open(t)
  const { signal } = await watch()
  store.plan.get = ['hang']
  const late = watch()
  await until(() => store.held === 1, 'the question')
  await app.close()
  t.match(signal.reason, { code: 'FST_SESSION_TIMEOUT_CLOSING' })
  store.release()
  t.match((await late).signal.reason, { code: 'FST_SESSION_TIMEOUT_CLOSING' })
  t.equal(timers(), 0)
})

t.test('a session that is ended while it is looked at is not watched', async t => {
  const { clock, app, watch, store, id } = await open(t)
  await clock.run(30 * minute)
  // The session, whether its user was signed out everywhere, then both entries of its record.
  store.plan.get = ['ok', 'ok', 'hang', 'hang']
  const watching = watch()
  await until(() => store.held === 2, 'the question')
  await app.sessionTimeout.end(id)
  store.release()
  t.match((await watching).signal.reason, { reason: 'revoked' })
})

t.test('a limit that is a function receives the session alone', async t => {
  const received: unknown[] = []
  const { clock, watch } = await open(t, {
    idleTimeout: request => {
      received.push(Object.keys(request))
      return request.session.userId === 'ada' ? '10m' : '30m'
    }
  })
  received.length = 0
  const { signal } = await watch()
  t.same(received, [['session']])
  await clock.run(10 * minute - 1)
  t.equal(signal.aborted, false)
  await clock.run(1)
  await until(() => signal.aborted, 'the end')
})

t.test('a limit that needs more than the session is a fault of the option', async t => {
  const { app, watch } = await open(t, { idleTimeout: request => request.headers['x-limit'] === undefined ? '30m' : '10m' })
  await t.rejects(watch(), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /idleTimeout failed/ })
  t.ok(app)
})

t.test('a session that a request watches too is ended by that request', async t => {
  const signals: AbortSignal[] = []
  let release = (): void => {}
  const timeouts: SessionTimeout[] = []
  const scene = await openScene(t, {
    store: new FaultyStore(new SharedStore(new Map())),
    timers: true,
    timeout: { onTimeout: (_request, _reply, timeout) => { timeouts.push(timeout) } },
    routes (app) {
      app.get('/stream', async request => {
        signals.push(request.sessionTimeout.signal)
        await new Promise<void>(resolve => { release = resolve })
      })
    }
  })
  signals.push(await scene.app.sessionTimeout.watch(scene.id, { until: new AbortController().signal }))
  const stream = scene.browser.clone().get('/stream')
  await until(() => signals.length === 2, 'the stream')
  await scene.clock.run(30 * minute)
  await until(() => signals.every(({ aborted }) => aborted), 'the end')
  t.equal(timeouts.length, 1)
  release()
  await stream
})

t.test('a session older than the plugin is watched by the clock beside it', async t => {
  const data = new Map<string, string>()
  const { clock, browser, id } = await openScene(t, { store: new SharedStore(data), timers: true, timeout: false })
  const scene = { data, browser } as Watching
  const [first, second] = [await openOther(t, scene), await openOther(t, scene)]
  const closed = new AbortController().signal
  t.match((await second.app.sessionTimeout.watch(id, { until: closed })).reason, { reason: 'missing' }, 'no request has come with it')
  await first.browser.get('/me')
  const signal = await second.app.sessionTimeout.watch(id, { until: closed })
  t.equal(signal.aborted, false)
  t.equal((await second.app.sessionTimeout.watch(id, { until: closed })).aborted, false)
  await clock.run(30 * minute)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'idle' })
})

t.test('a session older than the plugin whose clock is gone is over at its deadline', async t => {
  const data = new Map<string, string>()
  const { clock, browser, id } = await openScene(t, { store: new SharedStore(data), timers: true, timeout: false })
  const { app, browser: known } = await openOther(t, { data, browser } as Watching)
  await known.get('/me')
  const signal = await app.sessionTimeout.watch(id, { until: new AbortController().signal })
  for (const key of data.keys()) if (key !== id) data.delete(key)
  await clock.run(30 * minute)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'missing' })
})

t.test('a session older than the plugin whose clock is gone is not watched after its deadline', async t => {
  const data = new Map<string, string>()
  const { clock, browser, id } = await openScene(t, { store: new SharedStore(data), timers: true, timeout: false })
  const { app, browser: known } = await openOther(t, { data, browser } as Watching)
  await known.get('/me')
  for (const key of data.keys()) if (key !== id) data.delete(key)
  await clock.run(30 * minute)
  t.match((await app.sessionTimeout.watch(id, { until: new AbortController().signal })).reason, { reason: 'missing' })
})

t.test('a store that fails refuses to watch, and closes at the deadline what is watched', async t => {
  const { clock, store, watch, logs } = await open(t)
  const { signal } = await watch()
  store.always.get = 'error'
  await t.rejects(watch(), { code: 'FST_SESSION_TIMEOUT_STORE', cause: { message: 'get' } })
  await clock.run(30 * minute - 1)
  await settle()
  t.equal(signal.aborted, false)
  await clock.run(1)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'idle' })
  t.equal(logs.filter(({ msg }) => msg.startsWith('open connections not checked')).length, 1)
})

for (const answered of [0, 1, 2]) {
  t.test(`a socket that closes while the store is asked at the deadline hears of nothing, after ${answered} answers`, async t => {
    const { clock, watch, store } = await open(t)
    const { signal, closed } = await watch()
    await clock.run(30 * minute - 1)
    await settle()
    store.plan.get = [...Array<'ok'>(answered).fill('ok'), 'hang']
    await clock.run(1)
    await until(() => store.held > 0, 'the question')
    closed.abort()
    store.release()
    await settle()
    t.equal(signal.aborted, false)
  })
}

t.test('watch() refuses what is no session id, or no signal', async t => {
  const { app, id } = await open(t)
  const { watch } = app.sessionTimeout as unknown as { watch: (...values: unknown[]) => Promise<AbortSignal> }
  const until = new AbortController().signal
  for (const [values, message] of [
    [['', { until }], 'watch(sessionId) must be the sessionId of a session, received a string'],
    [[{ sessionId: id }, { until }], 'watch(sessionId) must be the sessionId of a session, received an object'],
    [[id], 'watch(sessionId, { until }) must be an AbortSignal that aborts when the socket closes, received undefined'],
    [[id, null], 'watch(sessionId, { until }) must be an AbortSignal that aborts when the socket closes, received undefined'],
    [[id, { until: new AbortController() }], 'watch(sessionId, { until }) must be an AbortSignal that aborts when the socket closes, received an object']
  ] as const) {
    await t.rejects(watch(...values), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message })
  }
})
