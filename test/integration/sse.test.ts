import { fastifySSE } from '@fastify/sse'
import t, { type Test } from 'tap'
import { textOf } from '../examples/live.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { openSite, quiet, settle, type LiveSite } from './live.js'
import { follow } from './recipe.js'

const headers = { accept: 'text/event-stream' }

function openStreams (t: Test): Promise<LiveSite> {
  return openSite(t, {
    async routes (app) {
      await app.register(fastifySSE)
      await follow('Server-sent events', app)
    }
  })
}

t.test('an event stream begins at once, ends at the deadline, and says why', async t => {
  const clock = fakeClock(t, { timers: true })
  const { send } = await openStreams(t)
  const response = await send('/events', { headers })
  t.match(response.headers, { 'content-type': /^text\/event-stream/ }, 'before any event')
  const events = textOf(response)
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(response.closed, false, 'a millisecond before')
  await clock.run(1)
  await settle(() => response.closed)
  t.match(events.text, /event: ended\ndata: "?idle"?\n\n$/)
})

t.test('when the server closes, a stream is not told that its session has ended', async t => {
  const { app, send } = await openStreams(t)
  const response = await send('/events', { headers })
  const events = textOf(response)
  await settle(() => events.text !== '')
  await app.close()
  await settle(() => response.closed)
  t.match(events.text, 'event: started')
  t.notMatch(events.text, 'ended')
})

t.test('a visitor gets a 401, after which EventSource stops trying', async t => {
  fakeClock(t, { timers: true })
  const { send } = await openStreams(t)
  const response = await send('/events', { headers: { ...headers, cookie: '' } })
  t.equal(response.statusCode, 401)
  response.destroy()
})

t.test('opening streams extends nothing, and is refused after the end', async t => {
  const clock = fakeClock(t, { timers: true })
  const { send } = await openStreams(t)
  for (let at = 0; at < 60; at += 20) {
    const response = await send('/events', { headers })
    t.equal(response.statusCode, 200)
    response.destroy()
    await clock.run(20 * second)
  }
  t.equal((await send('/events', { headers })).statusCode, 401)
})
