// node examples/socket-io.js
import Fastify from 'fastify'
import { Server } from 'socket.io'
import { isFromThisSite, runExample, sessions } from './sessions.js'

export async function buildBoard (options = {}) {
  const app = Fastify({ forceCloseConnections: true, logger: options.logger ?? false })
  await app.register(sessions, options)
  // Its sockets are no requests of Fastify: no hook runs for them.
  const io = new Server(app.server, {
    allowRequest: (request, decide) => decide(null, isFromThisSite(request.headers))
  })
  app.addHook('onClose', async () => { await io.close() })

  io.use((socket, next) => {
    admit(app, socket).then(isAdmitted => next(isAdmitted ? undefined : new Error('session ended')), next)
  })
  io.on('connection', socket => {
    const { signal } = socket.data
    // It may have ended during the handshake, and an aborted signal calls no more listeners.
    if (signal.aborted) return leave()
    signal.addEventListener('abort', leave)
    // A message does not extend the session: the page's requests do, and those of the plugin's browser client.
    socket.on('message', text => io.emit('message', `${socket.data.user}: ${text}`))

    function leave () {
      // The server is closing, the session goes on, and the client reconnects.
      if (signal.reason.code === 'FST_SESSION_TIMEOUT_CLOSING') return socket.conn.close()
      // After this, a client does not reconnect automatically. It would be refused.
      socket.emit('ended', signal.reason.reason)
      socket.disconnect(true)
    }
  })

  app.get('/', { config: { sessionTimeout: false } }, async (request, reply) => reply.type('text/html; charset=utf-8').send(page))
  app.get('/board.js', { config: { sessionTimeout: false } }, async (request, reply) => reply.type('text/javascript; charset=utf-8').send(script))
  return app
}

/** Admits a socket with a live session. */
async function admit (app, socket) {
  const closed = new AbortController()
  const stop = () => closed.abort()
  socket.once('disconnect', stop)
  // A socket that closes before it is admitted is never disconnected.
  socket.conn.once('close', stop)
  const session = await loadSession(app, socket.request)
  socket.data.user = session.user
  socket.data.signal = await app.sessionTimeout.watch(session.sessionId, { until: closed.signal })
  return !socket.data.signal.aborted
}

/** An empty session where there is none, or one that has ended. */
function loadSession (app, { headers }) {
  const request = { headers, server: app }
  const { sessionId = '' } = app.parseCookie(headers.cookie ?? '')
  return new Promise((resolve, reject) => {
    app.decryptSession(sessionId, request, error => error ? reject(error) : resolve(request.session))
  })
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Board that closes with the session</title>
<script type="module" src="/board.js"></script>
<h1>Board</h1>
<form><label>Note <input name="text" autocomplete="off" required></label> <button>Post</button></form>
<p>The session ends 60 seconds after the last request. <button id="work" type="button">Send a request</button></p>
<div id="log" role="log"></div>
`

const script = `
import { io } from '/socket.io/socket.io.esm.min.js'
const form = document.querySelector('form')
const log = document.querySelector('#log')
await fetch('/sign-in', { method: 'POST' })
const socket = io()
socket.on('message', say)
socket.on('ended', reason => say('Ended: ' + reason))
socket.on('connect_error', error => say('Refused: ' + error.message))
document.querySelector('#work').addEventListener('click', () => fetch('/work'))
form.addEventListener('submit', event => {
  event.preventDefault()
  socket.send(form.elements.text.value)
  form.reset()
})
function say (text) {
  log.append(Object.assign(document.createElement('p'), { textContent: text }))
}
`

await runExample(import.meta.url, buildBoard, address => `
  Open ${address}/ and post a note, then wait a minute.
`)
