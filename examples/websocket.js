// node examples/websocket.js
import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import { isFromThisSite, runExample, sessions } from './sessions.js'

export async function buildChat (options = {}) {
  const app = Fastify({ forceCloseConnections: true, logger: options.logger ?? false })
  // Before the sessions: it closes the sockets of refused upgrades only when its hook has seen them.
  await app.register(websocket)
  await app.register(sessions, options)
  const members = new Set()

  app.get('/chat', {
    websocket: true,
    // Clients reconnect by themselves: that is no sign of the user, so opening the socket extends nothing.
    config: { sessionTimeout: { countsAsActivity: false } },
    preValidation: async request => {
      refuseOtherOrigins(request)
      // A 401 before the upgrade.
      request.sessionTimeout.signal.throwIfAborted()
    }
  }, (socket, request) => {
    const { signal } = request.sessionTimeout
    const { user } = request.session
    members.add(socket)
    socket.on('close', () => members.delete(socket))
    // It may have ended during the handshake, and an aborted signal calls no more listeners.
    if (signal.aborted) return leave()
    signal.addEventListener('abort', leave)

    socket.on('message', async data => {
      const text = data.toString()
      // The heartbeat comes from the page, not from the user.
      if (text === 'ping') return socket.send('pong')
      try {
        await request.sessionTimeout.touch()
      } catch (error) {
        // Also for messages that come while the socket is closing.
        if (error.code === 'FST_SESSION_TIMEOUT_ENDED') return leave()
        // The store failed: the session is still there, only not extended.
        request.log.warn({ err: error }, 'session not extended')
      }
      for (const member of members) member.send(`${user}: ${text}`)
    })

    function leave () {
      members.delete(socket)
      // 1001: the server is going away, clients may connect again. 1008: policy violation, "do not reconnect, sign in".
      if (signal.reason?.code === 'FST_SESSION_TIMEOUT_CLOSING') socket.close(1001)
      else socket.close(1008, 'session ended')
    }
  })

  app.get('/', { config: { sessionTimeout: false } }, async (request, reply) => reply.type('text/html; charset=utf-8').send(page))
  app.get('/chat.js', { config: { sessionTimeout: false } }, async (request, reply) => reply.type('text/javascript; charset=utf-8').send(script))
  return app
}

function refuseOtherOrigins ({ headers: { origin }, host }) {
  if (isFromThisSite({ origin, host })) return
  throw Object.assign(new Error('Not from this site'), { statusCode: 403 })
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat that ends with the session</title>
<script type="module" src="/chat.js"></script>
<h1>Chat</h1>
<form><label>Message <input name="text" autocomplete="off" required></label> <button>Send</button></form>
<p>The session ends 60 seconds after your last message. A heartbeat goes out every 10 seconds, and does not change that.</p>
<div id="log" role="log"></div>
`

const script = `
const form = document.querySelector('form')
const log = document.querySelector('#log')
await fetch('/sign-in', { method: 'POST' })
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/chat')
const heartbeat = setInterval(() => socket.send('ping'), 10_000)
socket.onmessage = ({ data }) => { if (data !== 'pong') say(data) }
socket.onclose = ({ code, reason }) => {
  clearInterval(heartbeat)
  say('Closed: ' + code + ' ' + reason)
}
form.addEventListener('submit', event => {
  event.preventDefault()
  socket.send(form.elements.text.value)
  form.reset()
})
function say (text) {
  log.append(Object.assign(document.createElement('p'), { textContent: text }))
}
`

await runExample(import.meta.url, buildChat, address => `
  Open ${address}/ and write something, then wait a minute.
`)
