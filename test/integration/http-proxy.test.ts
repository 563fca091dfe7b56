import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { textOf } from '../examples/live.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { openSite, quiet, settle, type LiveSite } from './live.js'
import { follow } from './recipe.js'

interface Upstream {
  requests: number
  /** Answers that have begun and not ended. */
  open: ServerResponse[]
  sockets: WebSocketServer
}

/** An upstream of one's own, and the application in front of it. */
async function openProxy (t: Test): Promise<LiveSite & { upstream: Upstream }> {
  const upstream: Upstream = { requests: 0, open: [], sockets: new WebSocketServer({ noServer: true }) }
  const server = createServer((request, response) => {
    upstream.requests++
    if (request.url === '/report') {
      upstream.open.push(response)
      response.write('first half\n')
    } else response.end('hello from behind')
  })
  server.on('upgrade', (request, socket, head) => upstream.sockets.handleUpgrade(request, socket, head, connection => {
    connection.on('message', data => connection.send(`echo ${String(data)}`))
  }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    for (const client of upstream.sockets.clients) client.terminate()
  })
  const { port } = server.address() as AddressInfo
  const site = await openSite(t, { routes: app => follow('@fastify/http-proxy', app, { upstream: `http://127.0.0.1:${port}` }) })
  return { ...site, upstream }
}

t.test('an ended session never reaches the upstream, and a live one is extended', async t => {
  const clock = fakeClock(t, { timers: true })
  const { send, upstream } = await openProxy(t)
  for (let at = 0; at < 120; at += 40) {
    const response = await send('/upstream/hello')
    t.equal(response.statusCode, 200)
    response.resume()
    await clock.run(40 * second)
  }
  await clock.run(20 * second)
  const { requests } = upstream
  t.equal((await send('/upstream/hello')).statusCode, 401)
  t.equal((await send('/upstream/hello', { headers: { cookie: '' } })).statusCode, 401, 'nor does a visitor')
  t.equal(upstream.requests, requests)
})

t.test('a proxied WebSocket is closed within a second of the deadline, on both sides', async t => {
  const clock = fakeClock(t, { timers: true })
  const { connect, upstream } = await openProxy(t)
  const live = await connect('/upstream/socket')
  live.socket.send('hello')
  await settle(() => live.received.length === 1)
  t.same(live.received, ['echo hello'])
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(live.closed, undefined, 'a millisecond before')
  await clock.run(second)
  await settle(() => live.closed !== undefined && upstream.sockets.clients.size === 0)
  t.match(live.closed, { code: 1006 })
  t.equal(upstream.sockets.clients.size, 0)
  await t.rejects(connect('/upstream/socket'), /401/, 'connecting again is refused')
})

t.test('a proxied WebSocket is closed at once at sign-out', async t => {
  fakeClock(t, { timers: true })
  const { connect, send } = await openProxy(t)
  const live = await connect('/upstream/socket')
  await send('/sign-out', { method: 'POST' })
  await settle(() => live.closed !== undefined)
  t.ok(live.closed)
})

for (const whose of ['a visitor', 'a session that has ended'] as const) {
  t.test(`${whose} gets no WebSocket, and the socket is closed`, async t => {
    const clock = fakeClock(t, { timers: true })
    const { app, connect } = await openProxy(t)
    const sockets: Socket[] = []
    app.server.on('connection', socket => { sockets.push(socket) })
    if (whose !== 'a visitor') await clock.run(60 * second)
    await t.rejects(connect('/upstream/socket', undefined, whose === 'a visitor' ? {} : undefined), /401/)
    await settle(() => sockets.every(({ destroyed }) => destroyed))
    t.same(sockets.map(({ destroyed }) => destroyed), [true])
    for (const socket of sockets) socket.destroy()
  })
}

t.test('a long answer is cut off with its session, and the upstream let go', async t => {
  const clock = fakeClock(t, { timers: true })
  const { send, upstream } = await openProxy(t)
  const response = await send('/upstream/report')
  const report = textOf(response)
  await settle(() => report.text !== '')
  await clock.run(60 * second)
  await settle(() => response.closed && upstream.open.every(({ destroyed }) => destroyed))
  t.equal(response.complete, false)
  t.ok(upstream.open[0]!.destroyed)
})
