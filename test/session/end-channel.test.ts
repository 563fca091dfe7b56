import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import { openScene, openTwins, type SceneOptions } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'

const channel = 'fastify-session-timeout:end'

/** What is published until the end of the test. */
function listen (t: Test): unknown[] {
  const heard: unknown[] = []
  const hear = (message: unknown): void => { heard.push(message) }
  subscribe(channel, hear)
  t.teardown(() => { unsubscribe(channel, hear) })
  return heard
}

async function open (t: Test, options: SceneOptions = {}) {
  const scene = await openScene(t, { ...options, timeout: { endpoint: '/session-timeout', absoluteTimeout: '1h', ...options.timeout } })
  // The sign-in itself may exchange a session; what is heard from here on counts.
  return { ...scene, heard: listen(t), startedAt: scene.clock.now() }
}

t.test('the channel reports an idle timeout once, whichever request finds it', async t => {
  const { heard, browser, clock, startedAt } = await open(t)
  clock.tick(31 * minute)
  await Promise.all(Array.from({ length: 10 }, () => browser.clone().get('/me')))
  await browser.get('/me')
  t.same(heard, [{ reason: 'idle', startedAt, lastActivity: startedAt, idleFor: 31 * minute }])
})

t.test('the channel reports that a session reached its absolute limit', async t => {
  const { heard, browser, clock, startedAt } = await open(t)
  for (const wait of [25, 25, 10]) {
    clock.tick(wait * minute)
    await browser.clone().get('/me')
  }
  t.same(heard, [{ reason: 'absolute', startedAt, lastActivity: startedAt + 50 * minute, idleFor: 10 * minute }])
})

t.test('the channel reports a sign-out, in the application or at the endpoint', async t => {
  for (const way of ['/sign-out', '/session-timeout'] as const) {
    await t.test(way, async t => {
      const { heard, browser, clock, startedAt } = await open(t)
      clock.tick(5 * minute)
      await browser.get('/me')
      clock.tick(1000)
      await browser.clone().request({ method: way === '/sign-out' ? 'POST' : 'DELETE', url: way })
      await browser.get('/me')
      t.same(heard, [{ reason: 'signed-out', startedAt, lastActivity: startedAt + 5 * minute, idleFor: 1000 }])
    })
  }
})

t.test('the channel reports a revocation', async t => {
  const { heard, app, browser, id, clock, startedAt } = await open(t)
  clock.tick(1000)
  await app.sessionTimeout.end(id)
  await app.sessionTimeout.end(id)
  await browser.get('/me')
  t.equal(heard.length, 1)
  t.match(heard[0], { reason: 'revoked', startedAt, lastActivity: startedAt, idleFor: 1000 })
})

t.test('the channel reports a session in use as missing when another process ended it', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const { here, id } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], {
    routes (app) {
      app.post('/note', async request => {
        data.delete(id)
        request.session.note = 'late'
        return 'noted'
      })
    }
  })
  const startedAt = clock.now()
  const heard = listen(t)
  clock.tick(30)
  await here.browser.post('/note')
  await here.browser.get('/me')
  t.equal(heard.length, 1)
  t.match(heard[0], { reason: 'missing', startedAt, lastActivity: startedAt })
})

t.test('the channel reports no live session, and none without a user', async t => {
  const { heard, app, browser, clock } = await open(t)
  await browser.get('/me')
  clock.tick(10 * minute)
  await browser.get('/me')
  await app.inject('/me')
  await app.inject({ url: '/me', headers: { cookie: 'sessionId=forged.cookie' } })
  t.same(heard, [])
})

t.test('the channel reports an end only once the store has carried it out', async t => {
  const store = new FaultyStore(new JsonStore())
  const { browser, clock } = await openScene(t, { store })
  const heard = listen(t)
  clock.tick(30 * minute)
  store.plan.destroy.push('error')
  t.equal((await browser.get('/me')).statusCode, 503)
  t.same(heard, [])
  await browser.get('/me')
  t.match(heard, [{ reason: 'idle' }])
  t.equal(heard.length, 1)
})

t.test('a malformed record has no instants', async t => {
  const { heard, browser, store, id } = await open(t)
  store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: { startedAt: 'x' } }))
  await browser.get('/me')
  t.same(heard, [{ reason: 'idle', startedAt: null, lastActivity: null, idleFor: null }])
})

t.test('the channel never reports whose session it was', async t => {
  const { heard, app, browser, id, clock } = await open(t)
  const cookie = browser.cookie('sessionId')!
  clock.tick(30 * minute)
  await browser.get('/me')
  await app.sessionTimeout.end('another-id')
  const text = JSON.stringify(heard)
  t.equal(heard.length, 1)
  for (const secret of [id, cookie, 'ada', 'another-id']) t.notOk(text.includes(secret))
  t.same(Object.keys(heard[0] as object).toSorted(), ['idleFor', 'lastActivity', 'reason', 'startedAt'])
})
