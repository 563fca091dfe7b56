import { EventEmitter, on, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { initTRPC } from '@trpc/server'
import websocket from '@fastify/websocket'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { openSite, type LiveSite, type LiveSocket } from '../integration/live.js'
import { follow } from '../integration/recipe.js'
import { second } from '../helpers/time.js'

// The tests of each neighbour have the clock in their hands. Here it is the real one, with the real timers.
const timeout = { idleTimeout: 2 * second, warnBefore: second }

/** How many ms after the deadline, as the server tells it, the socket was closed. */
async function lateness ({ send }: LiveSite, { socket }: LiveSocket): Promise<number> {
  const status = await json(await send('/session-timeout')) as { remaining: number }
  const deadline = Date.now() + status.remaining
  await once(socket, 'close')
  return Date.now() - deadline
}

async function openUpstream (t: Test): Promise<string> {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const before = (app: LiveSite['app']): void => { app.register(websocket) }

const connections: Record<string, (t: Test) => Promise<{ site: LiveSite, live: LiveSocket }>> = {
  async 'a proxied WebSocket' (t) {
    const upstream = await openUpstream(t)
    const site = await openSite(t, { timeout, routes: app => follow('@fastify/http-proxy', app, { upstream }) })
    return { site, live: await site.connect('/upstream/socket') }
  },
  async 'a mercurius subscription' (t) {
    const schema = 'type Query { no: String } type Subscription { news: String }'
    const resolvers = { Subscription: { news: { subscribe: (_root: unknown, _args: unknown, { pubsub }: { pubsub: { subscribe (topic: string): unknown } }) => pubsub.subscribe('news') } } }
    const site = await openSite(t, { timeout, before, routes: app => follow('mercurius', app, { schema, resolvers }) })
    const live = await site.connect('/graphql', 'graphql-transport-ws')
    live.socket.send(JSON.stringify({ type: 'connection_init' }))
    await once(live.socket, 'message')
    live.socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { news }' } }))
    return { site, live }
  },
  async 'a tRPC subscription' (t) {
    const feed = new EventEmitter()
    const { router, procedure } = initTRPC.context<{ ended: AbortSignal }>().create()
    const appRouter = router({ news: procedure.subscription(async function * ({ signal }) { yield * on(feed, 'news', { signal: signal! }) }) })
    const site = await openSite(t, { timeout, before, routes: app => follow('tRPC', app, { appRouter }, 1) })
    const live = await site.connect('/trpc')
    live.socket.send(JSON.stringify({ id: 1, method: 'subscription', params: { path: 'news' } }))
    await once(live.socket, 'message')
    return { site, live }
  }
}

for (const [name, open] of Object.entries(connections)) {
  t.test(`${name} is closed within a second of the deadline`, async t => {
    const { site, live } = await open(t)
    const late = await lateness(site, live)
    t.ok(late > -50 && late < second, `${late} ms after it`)
  })
}
