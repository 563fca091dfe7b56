import { io, type Socket } from 'socket.io-client'
import t, { type Test } from 'tap'
import { JsonStore } from '../helpers/stores.js'
import { openExample, quiet, settle, type LiveExample } from './live.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'

interface Member {
  socket: Socket
  received: string[]
  /** What the page was told of the end. */
  reasons: unknown[]
  /** Why it was disconnected, in the words of socket.io. */
  disconnected: string | undefined
}

interface Board extends LiveExample {
  /** @throws what the server refused the socket with */
  join (headers?: Record<string, string>): Promise<Member>
}

async function openBoard (t: Test, options: Record<string, unknown> = {}): Promise<Board> {
  const example = await openExample(t, 'socket-io.js', 'buildBoard', options)
  const sockets: Socket[] = []
  t.teardown(() => { for (const socket of sockets) socket.disconnect() })
  return { ...example, join }

  async function join (extraHeaders: Record<string, string> = { cookie: example.cookie }): Promise<Member> {
    const socket = io(`http://127.0.0.1:${example.port}`, { forceNew: true, transports: ['websocket'], extraHeaders, reconnection: false })
    sockets.push(socket)
    const member: Member = { socket, received: [], reasons: [], disconnected: undefined }
    socket.on('message', (text: string) => { member.received.push(text) })
    socket.on('ended', reason => { member.reasons.push(reason) })
    socket.on('disconnect', reason => { member.disconnected = reason })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('connect_error', reject)
    })
    return member
  }
}

t.test('a socket of socket.io is closed at the deadline of its session', async t => {
  const clock = fakeClock(t, { timers: true })
  const { join, open } = await openBoard(t)
  const member = await join()
  await clock.run(50 * second)
  member.socket.send('still here')
  await settle(() => member.received.length === 1)
  t.strictSame(member.received, ['Ada: still here'])
  t.equal((await open('/work')).statusCode, 200, 'which extends the session; the note did not')
  await clock.run(60 * second - 1)
  await quiet()
  t.equal(member.socket.connected, true, 'a millisecond before')
  await clock.run(1)
  await settle(() => member.socket.disconnected)
  t.match(member, { disconnected: 'io server disconnect', reasons: ['idle'] })
})

t.test('a socket of socket.io is closed at a sign-out', async t => {
  fakeClock(t, { timers: true })
  const { join, post } = await openBoard(t)
  const members = [await join(), await join()]
  await post('/sign-out')
  await settle(() => members.every(({ socket }) => socket.disconnected))
  t.strictSame(members.map(({ reasons }) => reasons), [['signed-out'], ['signed-out']])
})

t.test('a socket of socket.io is closed within 30 s of an end in another process', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new JsonStore()
  const { join } = await openBoard(t, { store })
  const member = await join()
  store.data.clear()
  await clock.run(30 * second)
  await settle(() => member.socket.disconnected)
  t.strictSame(member.reasons, ['missing'])
})

t.test('a socket of socket.io is refused without a live session, and from other sites', async t => {
  fakeClock(t, { timers: true })
  const { join, post, cookie, port } = await openBoard(t)
  await t.rejects(join({}), { message: 'session ended' }, 'a visitor')
  await t.rejects(join({ cookie: 'sessionId=forged' }), { message: 'session ended' }, 'a forged cookie')
  for (const origin of ['https://evil.example', 'null']) await t.rejects(join({ cookie, origin }), /websocket error/, origin)
  t.ok((await join({ cookie, origin: `http://127.0.0.1:${port}` })).socket.connected)
  await post('/sign-out')
  await t.rejects(join(), { message: 'session ended' }, 'after the sign-out')
})

t.test('a socket of socket.io is closed with the server, and its session goes on', async t => {
  fakeClock(t, { timers: true })
  const store = new JsonStore()
  const { join, app } = await openBoard(t, { store })
  const member = await join()
  await app.close()
  await settle(() => member.socket.disconnected)
  t.match(member, { disconnected: 'transport close', reasons: [] }, 'after which a client reconnects')
  t.equal(store.sessions().length, 1)
})

t.test('the socket.io example serves a page to try it with', async t => {
  const { app, open } = await openBoard(t)
  t.match((await app.inject('/')).body, 'src="/board.js"')
  t.match((await app.inject('/board.js')).headers, { 'content-type': 'text/javascript; charset=utf-8' })
  const client = await open('/socket.io/socket.io.esm.min.js')
  t.equal(client.resume().statusCode, 200)
})
