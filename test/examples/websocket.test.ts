import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { WebSocket, type RawData } from 'ws'
import { fakeClock } from '../helpers/clock.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { openExample, quiet, settle, type LiveExample } from './live.js'
import { second } from '../helpers/time.js'

interface Member {
  socket: WebSocket
  received: string[]
  closed: { code: number, reason: string } | undefined
}

interface Chat extends LiveExample {
  join (headers?: Record<string, string>): Promise<Member>
}

async function openChat (t: Test, options: Record<string, unknown> = {}): Promise<Chat> {
  const example = await openExample(t, 'websocket.js', 'buildChat', options)
  return { ...example, join }

  async function join (headers: Record<string, string> = { cookie: example.cookie }): Promise<Member> {
    const socket = new WebSocket(`ws://127.0.0.1:${example.port}/chat`, { headers })
    const member: Member = { socket, received: [], closed: undefined }
    socket.on('message', (data: RawData) => { member.received.push(String(data)) })
    socket.on('close', (code, reason) => { member.closed = { code, reason: String(reason) } })
    await once(socket, 'open')
    return member
  }
}

/** Says it, and waits for the answer to have arrived. */
async function say (member: Member, text: string): Promise<void> {
  const count = member.received.length
  member.socket.send(text)
  await settle(() => member.received.length > count)
}

t.test('a WebSocket is closed with 1008 within a second of the deadline; heartbeats do not extend the session', async t => {
  const clock = fakeClock(t, { timers: true })
  const { join } = await openChat(t)
  const member = await join()
  for (let at = 0; at < 55; at += 5) {
    await clock.run(5 * second)
    await say(member, 'ping')
  }
  await clock.run(5 * second - 1)
  await quiet()
  t.equal(member.closed, undefined, 'a millisecond before')
  t.strictSame(member.received, Array(11).fill('pong'))
  await clock.run(1)
  await settle(() => member.closed !== undefined)
  t.strictSame(member.closed, { code: 1008, reason: 'session ended' })
})

t.test('messages of the user extend the session, for all sockets of it', async t => {
  const clock = fakeClock(t, { timers: true })
  const { join, open } = await openChat(t)
  const [talker, listener] = [await join(), await join()]
  for (let round = 0; round < 4; round++) {
    await clock.run(50 * second)
    await say(talker, `message ${round}`)
  }
  t.equal((await open('/work')).statusCode, 200)
  await settle(() => listener.received.length === 4)
  t.strictSame(listener.received, ['Ada: message 0', 'Ada: message 1', 'Ada: message 2', 'Ada: message 3'])
  await clock.run(60 * second)
  await settle(() => talker.closed !== undefined && listener.closed !== undefined)
  t.match([talker.closed, listener.closed], [{ code: 1008 }, { code: 1008 }])
})

t.test('other requests keep a WebSocket open', async t => {
  const clock = fakeClock(t, { timers: true })
  const { join, open } = await openChat(t)
  const member = await join()
  for (let round = 0; round < 4; round++) {
    await clock.run(50 * second)
    t.equal((await open('/work')).statusCode, 200)
  }
  t.equal(member.closed, undefined)
})

t.test('a WebSocket is closed within 100 ms of a sign-out', async t => {
  fakeClock(t, { timers: true })
  const { join, post } = await openChat(t)
  const members = [await join(), await join(), await join()]
  await post('/sign-out')
  const signedOut = performance.now()
  await settle(() => members.every(({ closed }) => closed !== undefined))
  const took = performance.now() - signedOut
  t.ok(took < 100, `took ${took.toFixed(1)} ms`)
  t.match(members, Array(3).fill({ closed: { code: 1008, reason: 'session ended' } }))
})

t.test('a message that comes after the end goes nowhere', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new JsonStore()
  const { join, open } = await openChat(t, { store })
  const late = await join()
  // The close frame is on its way while the client still speaks.
  late.socket.pause()
  await clock.run(30 * second)
  await quiet()
  await clock.run(30 * second)
  await settle(() => store.sessions().length === 0)
  late.socket.send('too late')
  await quiet()
  late.socket.resume()
  await settle(() => late.closed !== undefined)
  t.match(late, { received: [], closed: { code: 1008 } })
  t.strictSame(store.sessions(), [], 'nothing is revived')
  t.equal((await open('/work')).statusCode, 401)
})

t.test('a session that ended elsewhere is noticed by the next message', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new JsonStore()
  const { join } = await openChat(t, { store })
  const member = await join()
  await clock.run(5 * second)
  store.data.clear()
  member.socket.send('hello?')
  await settle(() => member.closed !== undefined)
  t.match(member, { received: [], closed: { code: 1008 } })
})

t.test('a store that fails costs the extension, not the message', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new FaultyStore(new JsonStore())
  const logged: Array<{ msg: string }> = []
  const logger = { level: 'warn', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } }
  const { join } = await openChat(t, { store, logger })
  const member = await join()
  await clock.run(5 * second)
  store.always.get = 'error'
  await say(member, 'still here')
  t.strictSame(member.received, ['Ada: still here'])
  t.match(logged.filter(({ msg }) => msg === 'session not extended'), [{ err: { name: 'StoreDownError' } }])
  await clock.run(55 * second)
  await settle(() => member.closed !== undefined)
  t.match(member.closed, { code: 1008 })
})

t.test('refuses the upgrade', async t => {
  const { join, cookie, port } = await openChat(t)
  await t.rejects(join({}), /401/, 'to visitors')
  await t.rejects(join({ cookie: 'sessionId=forged' }), /401/, 'to a forged cookie')
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${port}.evil.example`]) {
    await t.rejects(join({ cookie, origin }), /403/, `to pages of ${origin}`)
  }
  const member = await join({ cookie, origin: `http://127.0.0.1:${port}` })
  t.equal(member.closed, undefined)
})

t.test('the WebSocket example serves a page to try it with', async t => {
  const { app } = await openChat(t)
  t.match((await app.inject('/')).body, 'src="/chat.js"')
  t.match((await app.inject('/chat.js')).headers, { 'content-type': 'text/javascript; charset=utf-8' })
})
