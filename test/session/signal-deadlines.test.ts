import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { settle as quiet } from '../helpers/scene.js'
import { minute, second } from '../helpers/time.js'
import { forgetEntries, lines, setScene, settle, signalOf, timers } from './streams.js'

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
