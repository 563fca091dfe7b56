import t from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { settle as quiet } from '../helpers/scene.js'
import { minute, second } from '../helpers/time.js'
import { lines, setScene, settle, signalOf, timers, type Scene } from './streams.js'

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
