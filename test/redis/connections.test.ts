import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout as realPause } from 'node:timers/promises'
import type { SessionStore } from '@fastify/session'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import t, { type Test } from 'tap'
import { buildApp, signedIn, type LogLine } from '../helpers/app.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { startRedis, startWorker, type Redis } from '../helpers/redis.js'
import { second } from '../helpers/time.js'

interface Scene {
  logs: LogLine[]
  signals: AbortSignal[]
  open (cookie: string): Promise<IncomingMessage>
  /** Resolves when Redis has answered all that it was asked until now. */
  answered (): Promise<unknown>
}

/** An application with a stream in this process, whose timers are faked; Redis and the other processes are real. */
async function setScene (t: Test, redis: Redis, timeout: object, disableOfflineQueue = true): Promise<Scene> {
  const client = createClient({ url: redis.url, disableOfflineQueue, socket: { reconnectStrategy: 50 } })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.destroy())
  const signals: AbortSignal[] = []
  const { app, logs } = await buildApp(t, {
    server: { forceCloseConnections: true },
    session: { secret: 'a secret that every process of the test shares', store: new RedisStore({ client }) as unknown as SessionStore },
    timeout: { ...timeout, appliesTo: signedIn },
    routes: app => {
      app.get('/stream', { config: { sessionTimeout: { countsAsActivity: false } } }, async (request, reply) => {
        const { signal } = request.sessionTimeout
        signals.push(signal)
        const events = new PassThrough()
        events.write('open')
        signal.addEventListener('abort', () => events.end('ended'))
        return reply.send(events)
      })
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { logs, signals, open, answered: () => client.ping() }

  async function open (cookie: string): Promise<IncomingMessage> {
    const [response] = await once(get({ port, host: '127.0.0.1', path: '/stream', agent: false, headers: { cookie } }), 'response') as [IncomingMessage]
    return response.on('error', () => {}).resume()
  }
}

/** Lets time pass slowly enough for Redis: a machine that is busy must not make its answers late by the faked clock. */
async function pass (clock: FakeClock, ms: number, answered: () => Promise<unknown> = () => realPause(10)): Promise<void> {
  for (let passed = 0; passed < ms; passed += second) {
    await clock.run(second)
    await answered()
    await realPause(5)
  }
}

/** Waits for what is real, which the faked clock does not move. */
async function settle (until: () => boolean): Promise<void> {
  for (let waited = 0; waited < 100 && !until(); waited++) await realPause(10)
}

const redis = await startRedis(t)
if (redis) {
  t.test('a connection ends within 30 s of a sign-out in another process', async t => {
    const clock = fakeClock(t, { timers: true, start: Date.now() })
    const { logs, signals, open, answered } = await setScene(t, redis, {})
    const other = await startWorker(t, redis, { timeout: {} })
    const cookie = (await other.request({ method: 'POST', url: '/sign-in' })).cookie!
    const response = await open(cookie)
    await pass(clock, 10 * second, answered)
    await other.request({ method: 'POST', url: '/sign-out', headers: { cookie } })
    await pass(clock, 20 * second, answered)
    await settle(() => response.closed)
    t.ok(response.complete)
    t.match(signals[0]!.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', reason: 'missing' })
    t.strictSame(logs.filter(({ msg }) => msg === 'session timed out'), [], 'that is the other process\'s to say')
    t.equal(await redis.signedIn(), 0)
  })

  t.test('activity in another process keeps a connection open', async t => {
    const clock = fakeClock(t, { timers: true, start: Date.now() })
    const { logs, signals, open, answered } = await setScene(t, redis, { idleTimeout: '60s' })
    const [other, later] = await Promise.all([startWorker(t, redis, { timeout: { idleTimeout: '60s' } }), startWorker(t, redis, { timeout: { idleTimeout: '60s' }, skew: 50 * second })])
    const cookie = (await other.request({ method: 'POST', url: '/sign-in' })).cookie!
    const response = await open(cookie)
    await pass(clock, 50 * second, answered)
    t.match((await later.request({ url: '/me', headers: { cookie } })).body, '"ada"')
    await pass(clock, 50 * second, answered)
    t.equal(signals[0]!.aborted, false, '40 s after the deadline that this process knew')
    await pass(clock, 30 * second, answered)
    await settle(() => response.closed)
    t.match(signals[0]!.reason, { reason: 'idle' })
    t.equal(logs.filter(({ msg }) => msg === 'session timed out').length, 1)
    t.equal(await redis.signedIn(), 0, 'ended for every process')
  })

  for (const [name, disableOfflineQueue] of [['fails at once', true], ['waits for Redis', false]] as const) {
    t.test(`with Redis down and a client that ${name}, a connection is kept until the deadline last known`, async t => {
      const clock = fakeClock(t, { timers: true, start: Date.now() })
      const { logs, signals, open } = await setScene(t, redis, { idleTimeout: '90s' }, disableOfflineQueue)
      const other = await startWorker(t, redis, { timeout: { idleTimeout: '90s' } })
      const response = await open((await other.request({ method: 'POST', url: '/sign-in' })).cookie!)
      await redis.kill()
      t.teardown(() => redis.restart())
      const deadline = clock.now() + 90 * second
      await pass(clock, deadline - clock.now() - 10 * second)
      t.equal(signals[0]!.aborted, false)
      await pass(clock, 11 * second)
      await settle(() => response.closed)
      t.match(signals[0]!.reason, { reason: 'idle' })
      t.equal(logs.filter(({ msg }) => msg.includes('open connections not checked')).length, 1, 'logged once')
      await realPause(100)
      t.equal(logs.filter(({ level }) => level >= 50).length, 1)
    })
  }
}
