import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import websocket from '@fastify/websocket'
import type { SessionStore } from '@fastify/session'
import type { FastifyInstance, FastifyRequest, Session } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { FastifySessionTimeoutOptions, SessionTimeout } from '../../index.js'
import { buildApp, signedIn, type LogLine } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { settle as quiet } from '../helpers/scene.js'
import { FaultyStore, isEntry, withClock } from '../helpers/stores.js'
import { day, minute, second } from '../helpers/time.js'

/** Keeps JSON, and answers at once: a clock that jumps does not wait for a store. */
class PromptStore implements SessionStore {
  readonly data = new Map<string, string>()

  get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    callback(null, this.peek(id) as unknown as Session)
  }

  set (id: string, session: Session, callback: () => void): void {
    this.data.set(id, JSON.stringify(session))
    callback()
  }

  destroy (id: string, callback: () => void): void {
    this.data.delete(id)
    callback()
  }

  sessions (): string[] {
    return [...this.data.keys()].filter(id => !isEntry(this.peek(id)!))
  }

  peek (id: string): Record<string, unknown> | null {
    return JSON.parse(this.data.get(id) ?? 'null')
  }

  /** With the clock in force. */
  clockOf (id: string): { lastActivity: number } {
    return withClock(id, key => this.peek(key) ?? undefined)!.sessionTimeout as { lastActivity: number }
  }
}

interface Scene {
  app: FastifyInstance
  browser: Browser
  logs: LogLine[]
  store: FaultyStore
  /** What the store keeps. */
  kept: PromptStore
  timeouts: SessionTimeout[]
  /** The requests of the open streams, in order of arrival. */
  requests: FastifyRequest[]
  /** Opens a stream over a real socket; the answer is there, the end is not. */
  open (path?: string, browser?: Browser): Promise<IncomingMessage>
}

/** A signed-in user of an application with a stream that says something each second. */
async function setScene (t: Test, options: FastifySessionTimeoutOptions = {}, routes?: (app: FastifyInstance) => void | Promise<void>): Promise<Scene> {
  const kept = new PromptStore()
  const store = new FaultyStore(kept)
  const timeouts: SessionTimeout[] = []
  const requests: FastifyRequest[] = []
  const { app, logs } = await buildApp(t, {
    server: { forceCloseConnections: true },
    session: { store },
    timeout: {
      idleTimeout: 10 * minute,
      absoluteTimeout: 60 * minute,
      touchInterval: 0,
      appliesTo: signedIn,
      onTimeout: (_request, _reply, timeout) => { timeouts.push(timeout) },
      endpoint: '/session-timeout',
      ...options
    },
    routes: async app => {
      for (const [url, config] of [['/stream', {}], ['/strict', { sessionTimeout: { idleTimeout: 5 * minute } }], ['/unchecked', { sessionTimeout: false }]] as const) {
        app.get(url, { config }, async (request, reply) => {
          requests.push(request)
          const { signal } = request.sessionTimeout
          signal.throwIfAborted()
          const events = new PassThrough()
          events.write('open')
          const timer = setInterval(() => events.write('tick'), second)
          signal.addEventListener('abort', () => events.end('ended'))
          events.once('close', () => clearInterval(timer))
          return reply.send(events)
        })
      }
      await routes?.(app)
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  return { app, browser, logs, store, kept, timeouts, requests, open }

  async function open (path = '/stream', as = browser): Promise<IncomingMessage> {
    const request = get({ port, host: '127.0.0.1', path, agent: false, headers: { cookie: `sessionId=${as.cookie('sessionId')}` } })
    const [response] = await once(request, 'response') as [IncomingMessage]
    response.on('error', () => {}).resume()
    return response
  }
}

/** Lets sockets and stores, which are real, catch up with the clock, which is not. */
async function settle (until: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !until(); turns++) await turn()
}

/** How many timers the application holds. */
function timers (): number {
  return (setTimeout as unknown as { clock: { countTimers (): number } }).clock.countTimers()
}

/** What is kept beside sessions is taken out of the store when its time is over. */
async function forgetEntries (clock: FakeClock): Promise<void> {
  clock.set(clock.now() + 2 * day)
  await clock.run(minute)
  await settle(() => timers() === 0)
}

function signalOf (request: FastifyRequest | undefined): AbortSignal {
  return request!.sessionTimeout.signal
}

function lines (logs: LogLine[], text: string): LogLine[] {
  return logs.filter(({ msg }) => msg.includes(text))
}

t.test('a connection ends at the idle deadline, and the session with it', async t => {
  const clock = fakeClock(t, { timers: true })
  const { app, browser, logs, kept, open, requests, timeouts } = await setScene(t)
  const response = await open()
  const signal = signalOf(requests[0])

  await clock.run(10 * minute - 1)
  await quiet()
  t.equal(signal.aborted, false, 'a millisecond before')
  t.equal(kept.sessions().length, 1)

  await clock.run(1)
  await settle(() => response.closed)
  t.ok(response.complete, 'the stream was ended in order')
  t.match(signal.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', statusCode: 401, reason: 'idle' })
  t.strictSame(kept.sessions(), [], 'no request was needed')
  t.match(timeouts, [{ reason: 'idle', idleFor: 10 * minute, session: { userId: 'ada' } }])
  t.match(lines(logs, 'session timed out'), [{ level: 30, reason: 'idle', idleFor: 10 * minute, age: 10 * minute }])
  t.equal(timers(), 1, 'that which removes what is kept beside sessions')

  const late = await createBrowser(app, undefined).request({ url: '/me', headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })
  t.match(late.json(), { userId: null, ended: 'idle' }, 'the next request is told why')
  t.equal(timeouts.length, 1)
  await forgetEntries(clock)
  t.equal(timers(), 0)
})

t.test('a connection ends at the absolute deadline, however active the user', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, open, requests, timeouts } = await setScene(t)
  const response = await open()
  for (let at = 5; at < 60; at += 5) {
    await clock.run(5 * minute)
    await browser.get('/me')
  }
  await clock.run(5 * minute - 1)
  t.equal(signalOf(requests[0]).aborted, false)
  await clock.run(1)
  await settle(() => response.closed)
  t.match(signalOf(requests[0]).reason, { reason: 'absolute' })
  t.match(timeouts, [{ reason: 'absolute' }])
})

t.test('other requests keep a connection open', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, open, requests, timeouts } = await setScene(t)
  await open()
  for (let round = 0; round < 4; round++) {
    await clock.run(10 * minute - 1)
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
  t.equal(signalOf(requests[0]).aborted, false)
  await clock.run(10 * minute)
  await settle(() => signalOf(requests[0]).aborted)
  t.equal(timeouts.length, 1)
})

t.test('an end in this process closes its connections at once', async t => {
  const ways: Array<[string, FastifySessionTimeoutOptions, (scene: Scene) => Promise<unknown>, string]> = [
    ['session.destroy()', {}, ({ browser }) => browser.post('/sign-out'), 'signed-out'],
    ['the endpoint', {}, ({ browser }) => browser.request({ method: 'DELETE', url: '/session-timeout' }), 'signed-out'],
    ['session.regenerate(), for another session takes its place', {}, ({ browser }) => browser.post('/sign-in'), 'signed-out'],
    ['app.sessionTimeout.end()', {}, async ({ app, kept }) => {
      const ada = kept.sessions().find(id => kept.peek(id)?.userId === 'ada')
      await app.sessionTimeout.end(ada!)
    }, 'revoked'],
    ['a stricter route that finds it idle', {}, async ({ browser }) => {
      Date.now = ((now) => () => now() + 5 * minute)(Date.now)
      await browser.get('/strict')
    }, 'idle']
  ]
  for (const [name, options, end, reason] of ways) {
    await t.test(name, async t => {
      fakeClock(t, { timers: true })
      const { now } = Date
      t.teardown(() => { Date.now = now })
      const scene = await setScene(t, { afterTimeout: 'unauthorized', ...options })
      const responses = [await scene.open(), await scene.open()]
      const other = createBrowser(scene.app)
      await other.post('/sign-in?user=grace')
      await scene.open('/stream', other)
      await end(scene)
      await settle(() => responses.every(response => response.closed))
      t.ok(responses.every(response => response.closed), 'without any time passing')
      t.match(signalOf(scene.requests[0]).reason, { statusCode: 401, reason })
      t.equal(signalOf(scene.requests[2]).aborted, false, 'other sessions are left alone')
    })
  }
})

t.test('a sign-out that a slow store confirms late ends connections when it is confirmed', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, store, kept, open, requests } = await setScene(t)
  const response = await open()
  store.plan.destroy.push('hang')
  const answer = browser.post('/sign-out')
  await settle(() => store.held === 1)
  await clock.run(9 * second)
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false, 'it may still fail')
  store.release()
  t.equal((await answer).statusCode, 200)
  await settle(() => response.closed)
  t.match(signalOf(requests[0]).reason, { reason: 'signed-out' })
  t.strictSame(kept.sessions(), [])
})

t.test('an end elsewhere is noticed within 30 s', async t => {
  const clock = fakeClock(t, { timers: true })
  const { kept, logs, open, requests, timeouts } = await setScene(t)
  const response = await open()
  kept.data.clear()
  await clock.run(30 * second - 1)
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false)
  await clock.run(1)
  await settle(() => response.closed)
  t.match(signalOf(requests[0]).reason, { reason: 'missing' })
  t.strictSame(timeouts, [], 'whoever ended it has told')
  t.strictSame(lines(logs, 'session timed out'), [])
  t.equal(timers(), 0)
})

t.test('a session that no longer has a user ends its connections within 30 s', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, open, requests, kept } = await setScene(t, {}, app => {
    app.post('/leave', async request => { delete request.session.userId })
  })
  await open()
  await browser.post('/leave')
  await clock.run(30 * second)
  await settle(() => signalOf(requests[0]).aborted)
  t.match(signalOf(requests[0]).reason, { reason: 'missing' })
  t.equal(kept.sessions().length, 1, 'the session itself is the application\'s')
})

t.test('a record that is not one ends the connection at the next lookup', async t => {
  const clock = fakeClock(t, { timers: true })
  const { kept, open, requests } = await setScene(t)
  await open()
  const [id] = kept.sessions()
  kept.data.set(id!, JSON.stringify({ ...kept.peek(id!), sessionTimeout: { startedAt: 'then' } }))
  await clock.run(30 * second)
  await settle(() => signalOf(requests[0]).aborted)
  t.match(signalOf(requests[0]).reason, { reason: 'idle' })
  t.strictSame(kept.sessions(), [])
})

t.test('touch() on an open connection keeps the session, a stream alone does not', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open, requests, kept } = await setScene(t)
  await open()
  const { sessionTimeout } = requests[0]!
  for (let round = 0; round < 3; round++) {
    await clock.run(9 * minute)
    await sessionTimeout.touch()
  }
  t.equal(sessionTimeout.signal.aborted, false)
  const { lastActivity } = kept.clockOf(kept.sessions()[0]!)
  t.equal(lastActivity, clock.now())
  await clock.run(10 * minute)
  await settle(() => sessionTimeout.signal.aborted)
  t.ok(sessionTimeout.signal.aborted, '600 ticks of the stream later')

  await t.rejects(sessionTimeout.touch(), { code: 'FST_SESSION_TIMEOUT_ENDED', reason: 'idle' })
  await t.rejects(sessionTimeout.restart(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  t.strictSame(kept.sessions(), [], 'and revives nothing')
  t.equal(sessionTimeout.remaining, null)
  t.equal(sessionTimeout.ended, 'idle')
})

t.test('touch() after a sign-out rejects', async t => {
  fakeClock(t, { timers: true })
  const { browser, open, requests, kept } = await setScene(t)
  await open()
  await browser.post('/sign-out')
  await t.rejects(requests[0]!.sessionTimeout.touch(), { code: 'FST_SESSION_TIMEOUT_ENDED', reason: 'missing' })
  t.strictSame(kept.sessions(), [])
})

t.test('touch() does not wait for the watcher to find the session gone', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open, requests, kept } = await setScene(t)
  const response = await open()
  kept.data.clear()
  // What the request has seen in the store is taken for fresh for a second.
  await clock.run(second + 1)
  await t.rejects(requests[0]!.sessionTimeout.touch(), { code: 'FST_SESSION_TIMEOUT_ENDED', reason: 'missing' })
  await settle(() => response.closed)
  t.ok(signalOf(requests[0]).aborted)
  t.strictSame(kept.sessions(), [])
})

t.test('a WebSocket has a signal for as long as it is open', async t => {
  const clock = fakeClock(t, { timers: true })
  const signals: AbortSignal[] = []
  const { app, browser, kept, timeouts } = await setScene(t, {}, async app => {
    await app.register(websocket)
    app.get('/socket', { websocket: true }, (socket, request) => {
      const { signal } = request.sessionTimeout
      signals.push(signal)
      signal.addEventListener('abort', () => socket.close(1008, 'session ended'))
    })
  })
  const { port } = app.server.address() as AddressInfo
  const headers = { cookie: `sessionId=${browser.cookie('sessionId')}` }
  const [first, second] = [new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers }), new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers })]
  await Promise.all([once(first, 'open'), once(second, 'open')])
  t.equal(timers(), 1)

  first.terminate()
  await settle(() => first.readyState === WebSocket.CLOSED)
  const closed = once(second, 'close')
  await clock.run(10 * minute)
  const [code, reason] = await closed as [number, Buffer]
  t.strictSame([code, String(reason)], [1008, 'session ended'])
  t.equal(signals[0]!.aborted, false, 'whoever has left is not told')
  t.match(signals[1]!.reason, { reason: 'idle' })
  t.equal(timeouts.length, 1)
  t.strictSame(kept.sessions(), [])
})

t.test('connections of one session share a timer and a lookup', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open, requests, store, timeouts } = await setScene(t)
  const responses: IncomingMessage[] = []
  for (let count = 0; count < 20; count++) responses.push(await open())
  t.equal(timers(), 20 + 1, 'the ticks of the streams, and one')
  store.counts.get = 0
  for (let at = 30; at <= 300; at += 30) {
    await clock.run(30 * second)
    await settle(() => store.counts.get === at / 30)
  }
  t.equal(store.counts.get, 10, 'a lookup each 30 s')
  await clock.run(10 * minute)
  await settle(() => responses.every(response => response.closed))
  t.ok(requests.every(request => signalOf(request).aborted))
  t.equal(store.counts.destroy, 2, 'one for the session, one by regenerate() at sign-in')
  t.equal(timeouts.length, 1)
  await forgetEntries(clock)
  t.equal(timers(), 0)
})

t.test('a request has one signal', async t => {
  fakeClock(t, { timers: true })
  const { open, requests } = await setScene(t)
  await open()
  t.equal(requests[0]!.sessionTimeout.signal, requests[0]!.sessionTimeout.signal)
})

t.test('a signal that is first read while the server closes says so', async t => {
  fakeClock(t, { timers: true })
  const requests: FastifyRequest[] = []
  const reasons: unknown[] = []
  const { app, browser } = await setScene(t, {}, app => {
    app.get('/job', async request => { requests.push(request) })
    app.addHook('onClose', async () => { reasons.push(signalOf(requests[0]).reason) })
  })
  await browser.get('/job')
  await app.close()
  t.match(reasons, [{ code: 'FST_SESSION_TIMEOUT_CLOSING', statusCode: 503 }])
})

t.test('without a live session the signal has aborted already', async t => {
  const clock = fakeClock(t, { timers: true })
  const reasons: unknown[] = []
  const { app, browser, kept } = await setScene(t, {}, app => {
    for (const [url, config] of [['/signal', {}], ['/signal-unchecked', { sessionTimeout: false }]] as const) {
      app.get(url, { config }, async request => {
        const { signal } = request.sessionTimeout
        reasons.push(signal.aborted && signal.reason.reason)
      })
    }
  })
  const visitor = createBrowser(app)
  await visitor.get('/signal')
  t.equal(reasons.pop(), 'missing', 'a visitor')
  visitor.setCookie('sessionId', 'forged')
  await visitor.get('/signal')
  t.equal(reasons.pop(), 'missing', 'a forged cookie')
  await browser.get('/signal-unchecked')
  t.equal(reasons.pop(), 'missing', 'a route that is not checked')
  await browser.get('/signal')
  t.equal(reasons.pop(), false, 'a live one has not')
  const late = browser.clone()
  clock.tick(10 * minute)
  await late.get('/signal')
  t.equal(reasons.pop(), 'idle', 'one that has just ended')
  kept.data.clear()
  await forgetEntries(clock)
  t.equal(timers(), 0)
})

t.test('a stricter route holds the session to its limit for as long as its connection is open', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, open, requests } = await setScene(t)
  await open('/stream')
  const strict = await open('/strict')
  strict.destroy()
  await settle(() => timers() === 2)
  await clock.run(5 * minute)
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false, 'it has left')

  await browser.get('/me')
  // Another one leaves five seconds before the deadline that it set.
  const later = await open('/strict')
  await clock.run(10 * second)
  await browser.get('/me')
  await clock.run(5 * minute - 5 * second)
  t.equal(signalOf(requests[2]).aborted, false)
  later.destroy()
  await settle(() => timers() === 2)
  await clock.run(5 * second)
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false)

  await browser.get('/me')
  await open('/strict')
  await clock.run(5 * minute - 1)
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false)
  await clock.run(1)
  await settle(() => signalOf(requests[0]).aborted)
  t.ok(signalOf(requests[0]).aborted)
  t.ok(signalOf(requests[3]).aborted)
})

t.test('connections have no deadline by limits that are off', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, open, requests } = await setScene(t, { idleTimeout: request => request.session.role === 'kiosk' ? false : 10 * minute, absoluteTimeout: request => request.session.role === 'kiosk' ? 60 * minute : false })
  await browser.post('/sign-in?role=kiosk')
  await open()
  await open('/strict')
  await open()
  const signal = signalOf(requests[0])
  await clock.run(5 * minute)
  await settle(() => signal.aborted)
  t.match(signal.reason, { reason: 'idle' }, 'the strict route has one of its own')

  await browser.post('/sign-in?role=kiosk')
  await open()
  await open()
  await clock.run(60 * minute)
  await settle(() => signalOf(requests[3]).aborted)
  t.match(signalOf(requests[3]).reason, { reason: 'absolute' })
})

t.test('a clock that is set back does not put lookups off', async t => {
  const clock = fakeClock(t, { timers: true })
  const { kept, open, requests } = await setScene(t)
  await open()
  clock.tick(-60 * minute)
  kept.data.clear()
  await clock.run(30 * second)
  await settle(() => signalOf(requests[0]).aborted)
  t.ok(signalOf(requests[0]).aborted)
})

t.test('connections stay open while the store is down, until the deadline', async t => {
  for (const fault of ['error', 'throw', 'reject'] as const) {
    await t.test(`(${fault}) connections are kept until the deadline last known, then they end`, async t => {
      const clock = fakeClock(t, { timers: true })
      const { app, browser, store, kept, logs, open, requests, timeouts } = await setScene(t)
      const responses = [await open(), await open()]
      store.always.get = fault
      await clock.run(10 * minute - 1)
      await quiet()
      t.equal(signalOf(requests[0]).aborted, false)
      await clock.run(1)
      await settle(() => responses.every(response => response.closed))
      t.match(signalOf(requests[0]).reason, { reason: 'idle' })
      t.match(lines(logs, 'open connections not checked'), [{ level: 50, err: { type: 'StoreDownError' } }], 'one line')
      t.equal(timers(), 0)
      t.strictSame(timeouts, [])
      t.equal(kept.sessions().length, 1)

      store.always.get = 'ok'
      t.match((await createBrowser(app).request({ url: '/me', headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })).json(), { userId: null, ended: 'idle' })
      t.equal(timeouts.length, 1, 'the next request ends it')
      t.strictSame(kept.sessions(), [])
    })
  }

  await t.test('(no answer) connections are kept until the deadline last known, then they end', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, logs, open, requests, timeouts } = await setScene(t)
    const response = await open()
    store.always.get = 'hang'
    await clock.run(10 * minute - 1)
    await quiet()
    t.equal(signalOf(requests[0]).aborted, false)
    t.equal(store.held, 19, 'it is asked again every 30 s')
    await clock.run(second)
    await quiet()
    t.equal(signalOf(requests[0]).aborted, false, 'it may still answer')
    await clock.run(1)
    await settle(() => response.closed)
    t.match(signalOf(requests[0]).reason, { reason: 'idle' })
    t.equal(lines(logs, 'open connections not checked').length, 1)
    store.release()
    await quiet()
    t.equal(kept.sessions().length, 1)
    t.strictSame(timeouts, [], 'a late answer changes nothing')
    t.equal(timers(), 0)
  })

  for (const operation of ['get', 'destroy'] as const) {
    await t.test(`(no answer to ${operation} at the deadline) connections end within a second`, async t => {
      const clock = fakeClock(t, { timers: true })
      const { store, kept, open, requests, timeouts } = await setScene(t)
      const response = await open()
      await clock.run(10 * minute - 1)
      store.always[operation] = 'hang'
      await clock.run(1 * second)
      await quiet()
      t.equal(signalOf(requests[0]).aborted, false, 'it may still answer')
      await clock.run(1)
      await settle(() => response.closed)
      t.match(signalOf(requests[0]).reason, { reason: 'idle' })
      t.equal(kept.sessions().length, 1)
      t.strictSame(timeouts, [])
      await forgetEntries(clock)
      t.equal(timers(), 0)
    })
  }

  await t.test('a store that comes back is believed', async t => {
    const clock = fakeClock(t, { timers: true })
    const { browser, store, logs, open, requests } = await setScene(t)
    await open()
    for (let outage = 1; outage <= 2; outage++) {
      store.always.get = 'error'
      await clock.run(2 * minute)
      await settle(() => lines(logs, 'open connections not checked').length === outage)
      store.always.get = 'ok'
      await clock.run(30 * second)
      await quiet()
    }
    await browser.get('/me')
    await clock.run(10 * minute - 1)
    await quiet()
    t.equal(signalOf(requests[0]).aborted, false)
    t.equal(lines(logs, 'open connections not checked').length, 2, 'one line an outage')
  })

  await t.test('a session that cannot be destroyed still ends its connections', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, logs, open, requests, timeouts } = await setScene(t)
    const response = await open()
    store.always.destroy = 'error'
    await clock.run(10 * minute)
    await settle(() => response.closed)
    t.match(signalOf(requests[0]).reason, { reason: 'idle' })
    t.match(lines(logs, 'open connections not checked'), [{ err: { name: 'StoreDownError', message: 'destroy' } }])
    t.equal(kept.sessions().length, 1)
    t.strictSame(timeouts, [])
  })
})

t.test('an activity that races the end keeps the connection', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, store, open, requests, timeouts } = await setScene(t)
  await open()
  await clock.run(10 * minute - 1)
  await quiet()
  // The watcher reads the session as idle; before it acts, an activity of a millisecond ago is stored.
  store.plan.set.push('hang')
  const activity = browser.get('/me')
  await settle(() => store.held === 1)
  await clock.run(1)
  await quiet()
  store.release()
  t.equal((await activity).json().userId, 'ada')
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false)
  t.strictSame(timeouts, [])
  await clock.run(10 * minute)
  await settle(() => signalOf(requests[0]).aborted)
  t.equal(timeouts.length, 1)
})

t.test('an onTimeout that throws is logged, for there is no response to carry it', async t => {
  const clock = fakeClock(t, { timers: true })
  const { logs, kept, open, requests } = await setScene(t, { onTimeout: () => { throw new Error('audit is full') } })
  await open()
  await clock.run(10 * minute)
  await settle(() => lines(logs, 'onTimeout failed').length > 0)
  t.match(lines(logs, 'onTimeout failed'), [{ level: 50, err: { message: 'audit is full' } }])
  t.ok(signalOf(requests[0]).aborted)
  t.strictSame(kept.sessions(), [])
})

t.test('connections that have closed are released', async t => {
  await t.test('when their clients leave', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, open } = await setScene(t)
    const responses = [await open(), await open(), await open()]
    responses[0]!.destroy()
    responses[1]!.destroy()
    await settle(() => timers() === 1 + 1)
    t.equal(timers(), 2, 'the third still ticks, and is watched')
    responses[2]!.destroy()
    await settle(() => timers() === 0)
    t.equal(timers(), 0)
    store.counts.get = 0
    await clock.run(60 * minute)
    t.equal(store.counts.get, 0)
  })

  await t.test('when their responses are complete', async t => {
    fakeClock(t, { timers: true })
    const { browser } = await setScene(t, {}, app => {
      app.get('/short', async request => ({ aborted: request.sessionTimeout.signal.aborted }))
    })
    t.strictSame((await browser.get('/short')).json(), { aborted: false })
    t.equal(timers(), 0)
  })

  await t.test('when their clients have left before the signal is asked for', async t => {
    fakeClock(t, { timers: true })
    let proceed: () => void
    const left = new Promise<void>(resolve => { proceed = resolve })
    let aborted: boolean | undefined
    const { app, browser } = await setScene(t, {}, app => {
      app.get('/slow', async request => {
        request.raw.socket.once('close', () => proceed())
        await left
        aborted = request.sessionTimeout.signal.aborted
      })
    })
    const request = get({ port: (app.server.address() as AddressInfo).port, path: '/slow', agent: false, headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })
    request.on('error', () => {})
    const [socket] = await once(app.server, 'request') as [IncomingMessage]
    await quiet()
    request.destroy()
    await once(socket.socket, 'close')
    await settle(() => aborted !== undefined)
    t.equal(aborted, true, 'there is nobody whom it could serve')
    t.equal(timers(), 0)
  })

  await t.test('when the last one leaves during a lookup and another one comes', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, open, requests, timeouts } = await setScene(t)
    const first = await open()
    store.plan.get.push('hang')
    await clock.run(30 * second)
    await settle(() => store.held === 1)
    first.destroy()
    await settle(() => timers() === 1)
    t.equal(timers(), 1, 'the patience with the store')
    const next = await open()
    store.release()
    await settle(() => timers() === 3)
    t.equal(timers(), 3, 'one tick, one watch, and one for the clock that is kept beside the session')
    await clock.run(10 * minute)
    await settle(() => next.closed)
    t.ok(signalOf(requests[1]).aborted)
    t.equal(timeouts.length, 1)
    t.strictSame(kept.sessions(), [])
  })

  await t.test('when the last one leaves during a lookup that fails', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, logs, open } = await setScene(t)
    const response = await open()
    store.plan.get.push('hang')
    await clock.run(30 * second)
    await settle(() => store.held === 1)
    response.destroy()
    await settle(() => timers() === 1)
    kept.get = (_id, callback) => callback(new Error('down'))
    store.release()
    await quiet()
    t.strictSame(logs.filter(({ level }) => level >= 40), [], 'nobody is there whom it concerns')
    t.equal(timers(), 0)
  })

  await t.test('when the last one leaves while its session is being ended', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, open, timeouts } = await setScene(t)
    const response = await open()
    store.plan.destroy.push('hang')
    await clock.run(10 * minute)
    await settle(() => store.held === 1)
    response.destroy()
    await settle(() => timers() === 2)
    store.release()
    await settle(() => timeouts.length === 1)
    t.equal(timeouts.length, 1)
    t.strictSame(kept.sessions(), [])
    await forgetEntries(clock)
    t.equal(timers(), 0)
  })

  await t.test('when the application closes', async t => {
    fakeClock(t, { timers: true })
    const { app, browser, open, requests, store } = await setScene(t)
    const other = createBrowser(app)
    await other.post('/sign-in?user=grace')
    const responses = [await open(), await open(), await open('/stream', other)]
    store.counts.destroy = 0
    await app.close()
    await settle(() => responses.every(response => response.closed))
    t.equal(timers(), 0)
    t.match(signalOf(requests[0]).reason, { code: 'FST_SESSION_TIMEOUT_CLOSING', statusCode: 503 }, 'the sessions live on')
    t.equal(store.counts.destroy, 0)
    t.ok(browser.cookie('sessionId'))
  })

  await t.test('hundreds of times', async t => {
    fakeClock(t, { timers: true })
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => { if (warning.name === 'MaxListenersExceededWarning') warnings.push(warning) }
    process.on('warning', onWarning)
    t.teardown(() => process.removeListener('warning', onWarning))
    const { app, browser, requests } = await setScene(t)
    const { port } = app.server.address() as AddressInfo
    const other = createBrowser(app)
    await other.post('/sign-in?user=grace')
    await batch()
    requests.length = 0
    const before = queryObjects(AbortSignal, { format: 'count' })
    for (let round = 0; round < 3; round++) {
      await batch()
      requests.length = 0
    }
    t.equal(timers(), 0)
    t.strictSame(warnings, [])
    t.ok(queryObjects(AbortSignal, { format: 'count' }) <= before + 5, 'no signal is kept by anyone')

    async function batch (): Promise<void> {
      const sockets = await Promise.all(Array.from({ length: 100 }, (_, index) => openSocket(index % 2 ? browser : other)))
      for (const socket of sockets) socket.destroy()
      // A hundred sockets of a busy machine take their time.
      const start = performance.now()
      while (timers() > 0 && performance.now() - start < 20_000) await turn()
    }

    async function openSocket (as: Browser): Promise<Socket> {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET /stream HTTP/1.1\r\nHost: localhost\r\nCookie: sessionId=${as.cookie('sessionId')}\r\n\r\n`)
      await once(socket, 'data')
      return socket
    }
  })
})

t.test('the signal works with what Node has for signals', async t => {
  await t.test('AbortSignal.any', async t => {
    const clock = fakeClock(t, { timers: true })
    const { open, requests } = await setScene(t)
    await open()
    const any = AbortSignal.any([signalOf(requests[0]), new AbortController().signal])
    await clock.run(10 * minute)
    await settle(() => any.aborted)
    t.match(any.reason, { code: 'FST_SESSION_TIMEOUT_ENDED' })
  })

  await t.test('stream.pipeline', async t => {
    const clock = fakeClock(t, { timers: true })
    const { open, requests } = await setScene(t)
    await open()
    const source = new Readable({ read () {} })
    const piped = pipeline(source, new PassThrough(), { signal: signalOf(requests[0]) })
    const rejected = t.rejects(piped, { name: 'AbortError', cause: { code: 'FST_SESSION_TIMEOUT_ENDED' } })
    await clock.run(10 * minute)
    await rejected
    t.ok(source.destroyed)
  })

  await t.test('fetch', async t => {
    const clock = fakeClock(t, { timers: true })
    const { browser, open, requests } = await setScene(t)
    await open()
    const upstream = createServer((_request: IncomingMessage, response: ServerResponse) => { response.write('never ends') })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    t.teardown(() => upstream.close())
    const response = await fetch(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`, { signal: signalOf(requests[0]) })
    const rejected = t.rejects(response.text(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
    await clock.run(minute)
    await browser.post('/sign-out')
    await rejected
    await t.rejects(fetch('http://127.0.0.1', { signal: signalOf(requests[0]) }), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  })
})
