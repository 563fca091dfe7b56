// npm run build && node benchmark/connections.mjs
// What open connections cost: 10,000 event streams on 1,000 sessions, with and without the signal.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const connections = Number(process.env.CONNECTIONS ?? 10_000)
const sessions = Number(process.env.SESSIONS ?? 1_000)
const window = 30_000

if (process.argv[2] === 'server') await serve()
else await measure()

async function measure () {
  const rows = []
  for (const mode of ['without the signal', 'with the signal']) rows.push({ mode, ...await measureOne(mode) })
  console.log(`${connections} connections on ${sessions} sessions, node ${process.version}`)
  console.table(Object.fromEntries(rows.map(({ mode, ...figures }) => [mode, figures])))
  const [without, withSignal] = rows
  console.log(`the signal costs ${(withSignal['heap, bytes a connection'] - without['heap, bytes a connection'])} bytes of heap a connection`)
}

async function measureOne (mode) {
  const server = fork(fileURLToPath(import.meta.url), ['server'], { execArgv: ['--expose-gc'] })
  const ask = async question => {
    server.send(question)
    return (await once(server, 'message'))[0]
  }
  const [{ port, cookies }] = await once(server, 'message')
  const path = mode === 'with the signal' ? '/watched' : '/plain'
  const empty = await ask('memory')
  const sockets = []
  for (let index = 0; index < connections; index += 100) {
    sockets.push(...await Promise.all(Array.from({ length: Math.min(100, connections - index) }, (_, offset) => open(port, path, cookies[(index + offset) % sessions]))))
  }
  await pause(1000)
  const full = await ask('memory')
  await ask('start')
  await pause(window)
  const { cpu, reads } = await ask('stop')

  // Half of the connections leave, then every session of the others signs out.
  const gone = sockets.slice(connections / 2).map(socket => once(socket, 'close'))
  for (const socket of sockets.slice(0, connections / 2)) socket.destroy()
  await pause(1000)
  const left = await ask('memory')
  let signOut
  if (mode === 'with the signal') {
    const started = performance.now()
    server.send('sign-out')
    await Promise.all(gone)
    signOut = performance.now() - started
  }
  for (const socket of sockets) socket.destroy()
  server.kill()
  const each = value => Math.round(value / connections)
  return {
    'heap, bytes a connection': each(full.heap - empty.heap),
    'memory (RSS), bytes a connection': each(full.rss - empty.rss),
    'CPU at rest, % of a core': Number((cpu / window / 10).toFixed(2)),
    'store reads in 30 s': reads,
    'heap left when half have gone, %': Math.round((left.heap - empty.heap) / (full.heap - empty.heap) * 100),
    'the other half closed after signing out, ms': signOut && Math.round(signOut)
  }
}

async function open (port, path, cookie) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`)
  await once(socket, 'data')
  return socket.resume()
}

async function serve () {
  const [{ PassThrough }, { default: Fastify }, { default: cookie }, { default: session }, { default: sessionTimeout }] = await Promise.all([
    import('node:stream'), import('fastify'), import('@fastify/cookie'), import('@fastify/session'), import('fastify-session-timeout')
  ])
  let reads = 0
  const kept = new Map()
  // Answers late, as a store over the network does.
  const store = {
    get (id, done) { reads++; setImmediate(() => done(null, kept.has(id) ? JSON.parse(kept.get(id)) : null)) },
    set (id, session, done) { kept.set(id, JSON.stringify(session)); setImmediate(done) },
    destroy (id, done) { kept.delete(id); setImmediate(done) }
  }
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, { secret: 'a secret that is long enough for a benchmark', rolling: false, saveUninitialized: false, store, cookie: { secure: false } })
  await app.register(sessionTimeout, { user: session => session.user })
  app.post('/sign-in', async request => {
    await request.session.regenerate()
    request.session.user = 'Ada'
  })
  app.post('/sign-out', async request => { await request.session.destroy() })
  const config = { sessionTimeout: { countsAsActivity: false } }
  app.get('/plain', { config }, async (request, reply) => reply.type('text/event-stream').send(openStream()))
  app.get('/watched', { config }, async (request, reply) => {
    const events = openStream()
    request.sessionTimeout.signal.addEventListener('abort', () => events.end('event: ended\n\n'))
    return reply.header('connection', 'close').type('text/event-stream').send(events)
  })
  function openStream () {
    const events = new PassThrough()
    events.write(': open\n\n')
    return events
  }

  const cookies = []
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (let index = 0; index < sessions; index++) {
    const response = await app.inject({ method: 'POST', url: '/sign-in' })
    cookies.push(String(response.headers['set-cookie']).split(';')[0])
  }
  // Warm, so that what is compiled once is not counted as a connection's.
  for (const path of ['/plain', '/watched']) for (let index = 0; index < 200; index++) (await open(app.server.address().port, path, cookies[index % sessions])).destroy()
  await pause(200)

  let usage
  process.on('message', async question => {
    if (question === 'sign-out') {
      for (const cookie of cookies) await app.inject({ method: 'POST', url: '/sign-out', headers: { cookie } })
      return
    }
    if (question === 'memory') {
      for (let round = 0; round < 4; round++) {
        globalThis.gc()
        await pause(50)
      }
      const { heapUsed, rss } = process.memoryUsage()
      return process.send({ heap: heapUsed, rss })
    }
    if (question === 'start') {
      reads = 0
      usage = process.cpuUsage()
      return process.send({})
    }
    const { user, system } = process.cpuUsage(usage)
    process.send({ cpu: user + system, reads })
  })
  process.send({ port: app.server.address().port, cookies })
}
