import type { FastifyInstance, FastifyRequest, Session } from 'fastify'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { entryId } from '../../lib/store/entries.js'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { Air, MemoryBus } from '../helpers/end-bus.js'
import { openScene, settle, until } from '../helpers/scene.js'
import { FaultyStore, SharedStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const user = (session: Session): string | undefined => session.userId

/** Of a socket that stays open. */
function forever (): { until: AbortSignal } {
  return { until: new AbortController().signal }
}

/** A user who has signed in, and the same application in another process. */
async function openBoth (t: Test, timeout: FastifySessionTimeoutOptions = {}, routes: AppOptions['routes'] = () => {}) {
  const data = new Map<string, string>()
  const scene = await openScene(t, {
    store: new FaultyStore(new SharedStore(data)), timers: true, routes, timeout: { user, appliesTo: undefined as never, ...timeout }
  })
  const { app: other } = await buildApp(t, { session: { store: new SharedStore(data) }, routes, timeout: { user, ...timeout } })
  return { ...scene, data, other }
}

/** Holds the answer to that question of the store back. @returns what lets go of it */
function delay (store: FaultyStore, number: number): Array<() => void> {
  const held: Array<() => void> = []
  const inner = store.inner as SharedStore
  const get = inner.get.bind(inner)
  let asked = 0
  inner.get = (id, callback) => {
    const isHeld = asked++ === number
    get(id, (...answer) => {
      if (isHeld) held.push(() => callback(...answer))
      else callback(...answer)
    })
  }
  return held
}

t.test('a sign-out everywhere closes a socket whose session is just being read', async t => {
  const { app, id, store, clock } = await openBoth(t)
  // The session is read, and the question about its user answered before the sign-out.
  const held = delay(store, 1)
  const watching = app.sessionTimeout.watch(id, forever())
  await until(() => held.length > 0, 'the question')
  await app.sessionTimeout.endAll('ada')
  held[0]!()
  const signal = await watching
  await clock.run(second)
  await settle()
  t.match(signal.reason, { reason: 'revoked' })
})

t.test('an end in another process that the bus tells of closes a socket whose session is just being read', async t => {
  const air = new Air()
  const data = new Map<string, string>()
  const { app, id, store, clock } = await openScene(t, {
    store: new FaultyStore(new SharedStore(data)), timers: true, timeout: { endBus: new MemoryBus(air) }
  })
  const { app: other } = await buildApp(t, { session: { store: new SharedStore(data) }, timeout: { endBus: new MemoryBus(air) } })
  const held = delay(store, 0)
  const watching = app.sessionTimeout.watch(id, forever())
  await until(() => held.length > 0, 'the question')
  await other.sessionTimeout.end(id)
  await settle()
  held[0]!()
  const signal = await watching
  await clock.run(second)
  await settle()
  t.match(signal.reason, { reason: 'missing' })
})

t.test('a session that another request finds gone while it is read for a socket leaves no signal that never aborts', async t => {
  for (const answered of [0, 1]) {
    await t.test(`after ${answered} answers`, async t => {
      const { app, id, store, clock, data, browser } = await openBoth(t)
      const held = delay(store, answered)
      const watching = app.sessionTimeout.watch(id, forever())
      await until(() => held.length > 0, 'the question')
      data.delete(id)
      await browser.get('/me')
      const again = app.sessionTimeout.watch(id, forever())
      held[0]!()
      const signal = await watching
      t.equal((await again).aborted, true)
      await clock.run(31 * second)
      await settle()
      t.match(signal.reason, { reason: 'missing' })
    })
  }
})

t.test('a socket is closed at once when its user is taken out of the session', async t => {
  const { app, id, browser } = await openBoth(t, {}, app => {
    app.post('/leave', async request => { delete request.session.userId })
  })
  const signal = await app.sessionTimeout.watch(id, forever())
  await browser.post('/leave')
  await settle()
  t.match(signal.reason, { reason: 'missing' })
})

t.test('a socket of a session that is gone is closed when another one asks for it', async t => {
  const { id, other, app } = await openBoth(t)
  const first = await other.sessionTimeout.watch(id, forever())
  await app.sessionTimeout.end(id)
  t.match((await other.sessionTimeout.watch(id, forever())).reason, { reason: 'missing' })
  t.equal(first.aborted, true)
})

t.test('limits that are functions are those of the session as it is stored now', async t => {
  const idleTimeout = (request: FastifyRequest): string => request.session.role === 'admin' ? '10m' : '30m'
  const { app, id, browser, clock } = await openBoth(t, { idleTimeout }, app => {
    app.post('/sudo', async request => { request.session.role = 'admin' })
  })
  const signal = await app.sessionTimeout.watch(id, forever())
  await browser.post('/sudo')
  await clock.run(30 * second)
  await settle()
  await clock.run(9.5 * minute - 1)
  t.equal(signal.aborted, false)
  await clock.run(1)
  await until(() => signal.aborted, 'the end')
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' }, 'as for a request')
})

t.test('a session older than the plugin that another process has stored anew stays open', async t => {
  const data = new Map<string, string>()
  const { clock, browser, id } = await openScene(t, { store: new SharedStore(data), timers: true, timeout: false })
  const routes: AppOptions['routes'] = app => { app.post('/save', async request => { request.session.note = 'saved' }) }
  const [one, two] = [0, 1].map(() => buildApp(t, { session: { store: new SharedStore(data) }, timeout: { user }, routes }))
  const known = createBrowser((await one!).app)
  known.setCookie('sessionId', browser.cookie('sessionId')!)
  await known.get('/me')
  const signal = await (await two!).app.sessionTimeout.watch(id, forever())
  await known.post('/save')
  // Its record is in the session now, and the entry expires.
  t.ok(data.delete(entryId(id, 'start')))
  for (let round = 0; round < 4; round++) {
    await clock.run(20 * minute)
    await settle()
    await known.get('/me')
  }
  t.equal(signal.aborted, false)
})

t.test('what the plugin keeps beside a session is no session', async t => {
  const { app, id, browser, clock } = await openBoth(t)
  await clock.run(2 * minute)
  await browser.get('/me')
  t.match((await app.sessionTimeout.watch(entryId(id, 'activity'), forever())).reason, { reason: 'missing' })
})

for (const way of ['watch()', 'decryptSession()'] as const) {
  for (const where of ['this process', 'another process']) {
    t.test(`${way} that finds its user signed out everywhere in ${where} hides that from no request`, async t => {
      const { app, browser, id, other, clock } = await openBoth(t)
      await (where === 'this process' ? app : other).sessionTimeout.endAll('ada')
      if (where === 'another process') await clock.run(50 * second)
      for (let round = 0; round < 3; round++) {
        await clock.run(50 * second)
        if (way === 'watch()') await app.sessionTimeout.watch(id, forever())
        else await load(app, decodeURIComponent(browser.cookie('sessionId') ?? ''))
        t.equal((await browser.clone().get('/me')).json().userId, null)
      }
    })
  }
}

function load (app: FastifyInstance, signedId: string): Promise<void> {
  const request = { headers: {}, server: app } as unknown as FastifyRequest
  return new Promise((resolve, reject) => app.decryptSession(signedId, request, error => error ? reject(error) : resolve()))
}

t.test('a second socket that is refused does not put off the end of the first', async t => {
  const { app, other, id, clock } = await openBoth(t)
  const first = await app.sessionTimeout.watch(id, forever())
  await other.sessionTimeout.endAll('ada')
  for (let round = 0; round < 4; round++) {
    await clock.run(20 * second)
    await app.sessionTimeout.watch(id, forever())
    await settle()
  }
  t.match(first.reason, { reason: 'revoked' })
})

t.test('decryptSession() that finds its user signed out everywhere has open sockets look for themselves', async t => {
  const { app, other, id, browser, clock } = await openBoth(t)
  const signed = decodeURIComponent(browser.cookie('sessionId')!)
  const signal = await app.sessionTimeout.watch(id, forever())
  await other.sessionTimeout.endAll('ada')
  await load(app, signed)
  await clock.run(1)
  await until(() => signal.aborted, 'the end')
  t.match(signal.reason, { reason: 'revoked' })
})

t.test('five thousand sockets that ask at once for one session share the questions', async t => {
  const { app, id, store } = await openBoth(t)
  const before = store.counts.get
  const signals = await Promise.all(Array.from({ length: 5000 }, () => app.sessionTimeout.watch(id, forever())))
  t.ok(signals.every(({ aborted }) => !aborted))
  t.ok(store.counts.get - before < 10, `${store.counts.get - before} questions`)
})

t.test('a socket that closes while its session is read is not watched', async t => {
  const { app, id, store } = await openBoth(t)
  const held = delay(store, 0)
  const closed = new AbortController()
  const watching = app.sessionTimeout.watch(id, { until: closed.signal })
  await until(() => held.length > 0, 'the question')
  closed.abort()
  t.match((await watching).reason, { reason: 'missing' }, 'no answer is waited for')
  held[0]!()
})

t.test('a store that fails refuses the sockets that wait for that answer, and no later one', async t => {
  const { id, data } = await openBoth(t)
  // A process that has not seen the session yet.
  const inner = new SharedStore(data)
  const store = new FaultyStore(inner)
  const { app } = await buildApp(t, { session: { store }, timeout: { user } })
  store.plan.get = ['hang']
  const first = app.sessionTimeout.watch(id, forever())
  await until(() => store.held > 0, 'the question')
  const second = app.sessionTimeout.watch(id, forever())
  const { get } = inner
  inner.get = (_id, callback) => {
    inner.get = get
    callback(new Error('down'))
  }
  store.release()
  await t.rejects(first, { code: 'FST_SESSION_TIMEOUT_STORE' })
  t.equal((await second).aborted, false)
})

t.test('a server that has closed watches nothing', async t => {
  const { app, id } = await openBoth(t)
  await app.close()
  t.match((await app.sessionTimeout.watch(id, forever())).reason, { code: 'FST_SESSION_TIMEOUT_CLOSING' })
})
