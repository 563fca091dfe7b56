import websocket, { type WebsocketPluginOptions } from '@fastify/websocket'
import mercurius from 'mercurius'
import t, { type Test } from 'tap'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { openSite, quiet, settle, type LiveSite, type LiveSocket } from './live.js'
import { follow } from './recipe.js'

const schema = `
type Query { user: String }
type Subscription { news: String }
`

interface Context {
  user: string | undefined
  pubsub: mercurius.PubSub
}

const resolvers = {
  Query: { user: (_root: unknown, _args: unknown, context: { reply: { request: { session: { userId?: string } } } }) => context.reply.request.session.userId },
  Subscription: { news: { subscribe: (_root: unknown, _args: unknown, { pubsub }: Context) => pubsub.subscribe('news') } }
}

function openGraphql (t: Test, options: WebsocketPluginOptions = {}): Promise<LiveSite> {
  return openSite(t, { before: app => { app.register(websocket, options) }, routes: app => follow('mercurius', app, { schema, resolvers }) })
}

async function subscribe ({ app, connect }: LiveSite): Promise<LiveSocket> {
  const live = await connect('/graphql', 'graphql-transport-ws')
  live.socket.send(JSON.stringify({ type: 'connection_init' }))
  await settle(() => live.received.length === 1)
  live.socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { news }' } }))
  await quiet()
  app.graphql.pubsub.publish({ topic: 'news', payload: { news: 'first' } })
  await settle(() => live.received.length === 2)
  return live
}

t.test('a subscription is closed within a second of the deadline', async t => {
  const clock = fakeClock(t, { timers: true })
  const site = await openGraphql(t)
  const live = await subscribe(site)
  t.match(JSON.parse(live.received[1]!), { payload: { data: { news: 'first' } } })
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(live.closed, undefined, 'a millisecond before')
  await clock.run(second)
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 4403, reason: 'session ended' })
})

t.test('a subscription is closed at sign-out, and goes on while the user works', async t => {
  const clock = fakeClock(t, { timers: true })
  const site = await openGraphql(t)
  const live = await subscribe(site)
  for (let round = 0; round < 3; round++) {
    await clock.run(50 * second)
    const answer = await site.send('/graphql?query={user}')
    t.equal(answer.statusCode, 200)
    answer.resume()
  }
  t.equal(live.closed, undefined)
  await site.send('/sign-out', { method: 'POST' })
  await settle(() => live.closed !== undefined)
  t.match(live.closed, { code: 4403 })
})

t.test('when the server closes, a client may subscribe again', async t => {
  // Otherwise @fastify/websocket closes the socket first.
  const site = await openGraphql(t, { preClose (done) { done() } })
  const live = await subscribe(site)
  await site.app.close()
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 1001, reason: '' })
})

t.test('a visitor cannot subscribe', async t => {
  fakeClock(t, { timers: true })
  const { connect } = await openGraphql(t)
  const live = await connect('/graphql', 'graphql-transport-ws', {}).catch(error => error)
  live.socket?.send(JSON.stringify({ type: 'connection_init' }))
  await settle(() => live.closed !== undefined)
  t.match(live.closed, { code: 4403 })
})
