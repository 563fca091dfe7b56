import type { Socket } from 'node:net'
import websocket, { type WebsocketPluginOptions } from '@fastify/websocket'
import t, { type Test } from 'tap'
import type { AppOptions } from '../helpers/app.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { second } from '../helpers/time.js'
import { openSite, quiet, settle, type LiveSite } from './live.js'
import { follow } from './recipe.js'

function openSockets (t: Test, { before = true, websocket: itsOptions = {}, ...options }: { before?: boolean, websocket?: WebsocketPluginOptions } & Pick<AppOptions, 'session'> = {}): Promise<LiveSite> {
  return openSite(t, {
    ...options,
    before: app => { if (before) app.register(websocket, itsOptions) },
    async routes (app) {
      if (!before) await app.register(websocket)
      await follow('@fastify/websocket', app)
    }
  })
}

t.test('a WebSocket is closed at the deadline, which messages put off', async t => {
  const clock = fakeClock(t, { timers: true })
  const { connect } = await openSockets(t)
  const live = await connect('/socket')
  for (let message = 1; message <= 3; message++) {
    await clock.run(50 * second)
    live.socket.send('hello')
    await settle(() => live.received.length === message)
  }
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(live.closed, undefined, 'a millisecond before')
  await clock.run(1)
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 1008, reason: 'session ended' })
  t.same(live.received, Array(3).fill('you said hello'))
})

t.test('when the server closes, @fastify/websocket closes the WebSocket first, and no client is told that the session has ended', async t => {
  const { app, connect } = await openSockets(t)
  const live = await connect('/socket')
  await app.close()
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 1005, reason: '' })
})

t.test('a WebSocket that is still open when the server closes says that clients may reconnect', async t => {
  const { app, connect } = await openSockets(t, { websocket: { preClose (done) { done() } } })
  const live = await connect('/socket')
  await app.close()
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 1001, reason: '' })
})

t.test('visitors get no WebSocket, and no user one of an ended session', async t => {
  const clock = fakeClock(t, { timers: true })
  const { connect } = await openSockets(t)
  await t.rejects(connect('/socket', undefined, {}), /401/)
  await clock.run(60 * second)
  await t.rejects(connect('/socket'), /401/)
})

t.test('a client that connects again and again keeps nobody signed in', async t => {
  const clock = fakeClock(t, { timers: true })
  const { connect } = await openSockets(t)
  for (let at = 0; at < 60; at += 20) {
    const { socket } = await connect('/socket')
    socket.close()
    await clock.run(20 * second)
  }
  await t.rejects(connect('/socket'), /401/)
})

t.test('a message that comes after another process has ended the session closes its socket', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new JsonStore()
  const { connect } = await openSockets(t, { session: { store } })
  const live = await connect('/socket')
  await clock.run(10 * second)
  for (const id of store.sessions()) store.destroy(id, () => {})
  live.socket.send('hello')
  await settle(() => live.closed !== undefined)
  t.same(live.closed, { code: 1008, reason: 'session ended' })
  t.same(live.received, [])
})

for (const [order, before] of [['before', true], ['after', false]] as const) {
  t.test(`registered ${order} the plugin, no socket of a refused upgrade stays open`, async t => {
    const clock = fakeClock(t, { timers: true })
    const { app, connect } = await openSockets(t, { before })
    const sockets: Socket[] = []
    app.server.on('connection', socket => { sockets.push(socket) })
    await clock.run(60 * second)
    for (let attempt = 1; attempt <= 5; attempt++) await t.rejects(connect('/socket'), /401/)
    await settle(() => sockets.every(({ destroyed }) => destroyed))
    t.same(sockets.map(({ destroyed }) => destroyed), Array(5).fill(true))
    // Else app.close() would wait for them for ever.
    for (const socket of sockets) socket.destroy()
  })
}
