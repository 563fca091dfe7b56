import { performance } from 'node:perf_hooks'
import t from 'tap'
import { fakeClock } from '../helpers/clock.js'
import { openExample, settle, textOf } from './live.js'
import { second } from '../helpers/time.js'

t.test('an event stream ends within a second of the deadline, and says why', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open } = await openExample(t, 'server-sent-events.js', 'buildEvents')
  const response = await open('/events')
  t.equal(response.statusCode, 200)
  t.match(response.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const events = textOf(response)
  for (let at = 0; at < 59; at++) {
    await clock.run(second)
    await settle(() => events.text.split('data:').length > at + 1)
  }
  t.notMatch(events.text, 'event: ended', 'a second before')
  t.match(events.text, /^: open\n\n(data: \{"time":"[^"]+"\}\n\n){59}$/)
  await clock.run(second)
  await settle(() => response.closed)
  t.ok(response.complete)
  t.match(events.text, /event: ended\ndata: idle\n\n$/, 'streaming did not extend the session')
})

t.test('an event stream goes on while the user works', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open } = await openExample(t, 'server-sent-events.js', 'buildEvents')
  const response = await open('/events')
  const events = textOf(response)
  for (let round = 0; round < 5; round++) {
    await clock.run(50 * second)
    t.equal((await open('/work')).statusCode, 200)
  }
  t.notMatch(events.text, 'event: ended')
  await clock.run(61 * second)
  await settle(() => response.closed)
  t.ok(response.complete)
})

t.test('an event stream ends within 100 ms of a sign-out', async t => {
  fakeClock(t, { timers: true })
  const { open, post } = await openExample(t, 'server-sent-events.js', 'buildEvents')
  const streams = [await open('/events'), await open('/events')]
  const events = streams.map(textOf)
  await post('/sign-out')
  const signedOut = performance.now()
  await settle(() => streams.every(stream => stream.closed))
  const took = performance.now() - signedOut
  t.ok(took < 100, `took ${took.toFixed(1)} ms`)
  for (const { text } of events) t.match(text, /event: ended\ndata: signed-out\n\n$/)
})

t.test('reconnecting neither extends the session nor goes on after it', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open } = await openExample(t, 'server-sent-events.js', 'buildEvents')
  for (let at = 0; at < 60; at += 10) {
    const response = await open('/events')
    t.equal(response.statusCode, 200)
    response.destroy()
    await clock.run(10 * second)
  }
  const response = await open('/events')
  t.equal(response.statusCode, 401, 'EventSource stops at that')
  const { text } = textOf(response)
  await settle(() => response.closed)
  t.notMatch(text, 'data:')
})

t.test('a visitor gets a 401', async t => {
  const { app } = await openExample(t, 'server-sent-events.js', 'buildEvents')
  const response = await app.inject('/events')
  t.equal(response.statusCode, 401)
  t.match(response.json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
})
