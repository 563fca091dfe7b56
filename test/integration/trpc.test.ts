import { EventEmitter, on } from 'node:events'
import { initTRPC } from '@trpc/server'
import websocket from '@fastify/websocket'
import t from 'tap'
import { textOf } from '../examples/live.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { openSite, quiet, settle } from './live.js'
import { follow } from './recipe.js'

async function * newsFrom (feed: EventEmitter, signal: AbortSignal): AsyncGenerator<unknown> {
  for await (const [item] of on(feed, 'news', { signal })) yield item
}

t.test('over HTTP, a subscription ends within a second of the deadline', async t => {
  const clock = fakeClock(t, { timers: true })
  const feed = new EventEmitter()
  const { send } = await openSite(t, { routes: app => follow('tRPC', app, { news: (signal: AbortSignal) => newsFrom(feed, signal) }) })
  const response = await send('/trpc/news', { headers: { accept: 'text/event-stream' } })
  t.equal(response.statusCode, 200)
  const events = textOf(response)
  await settle(() => feed.listenerCount('news') === 1)
  feed.emit('news', 'first')
  await settle(() => events.text.includes('first'))
  t.match(events.text, 'data: "first"')
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(response.closed, false, 'a millisecond before')
  await clock.run(second)
  await settle(() => response.closed)
  t.ok(response.closed)
  t.equal(feed.listenerCount('news'), 0, 'nothing listens any more')
})

t.test('over HTTP, a visitor gets no subscription', async t => {
  fakeClock(t, { timers: true })
  const { send } = await openSite(t, { routes: app => follow('tRPC', app, { news: () => { throw new Error('not for visitors') } }) })
  const response = await send('/trpc/news', { headers: { accept: 'text/event-stream', cookie: '' } })
  const events = textOf(response)
  await settle(() => response.closed || events.text.includes('UNAUTHORIZED'))
  t.match(events.text, 'UNAUTHORIZED')
  response.destroy()
})

t.test('over WebSockets, a subscription is closed within a second of the deadline', async t => {
  const clock = fakeClock(t, { timers: true })
  const feed = new EventEmitter()
  const { router, procedure } = initTRPC.context<{ ended: AbortSignal }>().create()
  const appRouter = router({ news: procedure.subscription(({ signal }) => newsFrom(feed, signal!)) })
  const { connect } = await openSite(t, {
    before: app => { app.register(websocket) },
    routes: app => follow('tRPC', app, { appRouter }, 1)
  })
  const live = await connect('/trpc')
  live.socket.send(JSON.stringify({ id: 1, method: 'subscription', params: { path: 'news' } }))
  await settle(() => feed.listenerCount('news') === 1)
  feed.emit('news', 'first')
  await settle(() => live.received.some(message => message.includes('first')))
  t.ok(live.received.some(message => message.includes('first')))
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(live.closed, undefined, 'a millisecond before')
  await clock.run(second)
  await settle(() => live.closed !== undefined && feed.listenerCount('news') === 0)
  t.same(live.closed, { code: 1008, reason: 'session ended' })
  t.equal(feed.listenerCount('news'), 0)
})

t.test('over WebSockets, when the server closes, a client may subscribe again', async t => {
  const { router } = initTRPC.create()
  const { app, connect } = await openSite(t, {
    // Otherwise @fastify/websocket closes the socket first.
    before: app => { app.register(websocket, { preClose (done) { done() } }) },
    routes: app => follow('tRPC', app, { appRouter: router({}) }, 1)
  })
  const live = await connect('/trpc')
  await app.close()
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 1001, reason: '' })
})

t.test('over WebSockets, a visitor is closed at once', async t => {
  fakeClock(t, { timers: true })
  const { router } = initTRPC.create()
  const { connect } = await openSite(t, {
    before: app => { app.register(websocket) },
    routes: app => follow('tRPC', app, { appRouter: router({}) }, 1)
  })
  const live = await connect('/trpc', undefined, {})
  await settle(() => live.closed !== undefined)
  t.match(live.closed, { code: 1008 })
})
