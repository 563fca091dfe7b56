// node examples/htmx.js
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import formbody from '@fastify/formbody'
import Fastify from 'fastify'
import { safeReturnPath } from 'fastify-session-timeout'
import { runExample, sessions } from './sessions.js'

const htmx = await readFile(fileURLToPath(import.meta.resolve('htmx.org/dist/htmx.min.js')))

export async function buildHtmx (options = {}) {
  const app = Fastify({ logger: options.logger ?? false, forceCloseConnections: true })
  await app.register(formbody)
  await app.register(sessions, {
    ...options,
    // htmx gets a 401 with HX-Redirect, and goes to the sign-in page; what it asked for is not swapped in.
    timeout: { afterTimeout: { redirectTo: '/login' }, endpoint: '/session-timeout', ...options.timeout }
  })
  const notes = ['Buy milk']

  app.addHook('preHandler', async function requireUser (request, reply) {
    const isPublic = ['/login', '/sign-in', '/sign-out', '/htmx.js'].includes(request.routeOptions.url)
    if (isPublic || request.session.user !== undefined || request.routeOptions.url?.startsWith('/session-timeout')) return
    // The same for who was never signed in.
    if (request.headers['hx-request']) return reply.code(401).header('hx-redirect', '/login').send()
    return reply.redirect('/login', 303)
  })
  app.get('/htmx.js', { config: { sessionTimeout: false } }, async (request, reply) => reply.type('text/javascript; charset=utf-8').send(htmx))

  app.get('/', async (request, reply) => sendPage(reply, `<h1>Notes of ${request.session.user}</h1>
<form hx-post="/notes" hx-target="#notes"><label>Note <input name="note" required maxlength="100"></label> <button>Add</button></form>
<div id="notes">${list()}</div>
<h2>News</h2>
<p hx-get="/news" hx-trigger="every 5s">Polled every 5 seconds, which keeps nobody signed in.</p>
<script type="module" src="/session-timeout/client.js"></script>`))
  app.post('/notes', async (request, reply) => {
    notes.push(String(request.body?.note ?? '').slice(0, 100))
    return reply.type('text/html; charset=utf-8').send(list())
  })
  app.get('/news', { config: { sessionTimeout: { countsAsActivity: false } } }, async (request, reply) => reply.type('text/html; charset=utf-8').send(`It is ${new Date().toLocaleTimeString('en')}.`))

  app.get('/login', async (request, reply) => {
    const { returnTo, reason } = request.query
    return sendPage(reply, `<h1>Sign in</h1>
${reason === 'idle' ? '<p role="alert">You were signed out because you were inactive for too long.</p>' : ''}
<form method="post" action="/login?returnTo=${encodeURIComponent(safeReturnPath(returnTo))}"><button>Sign in as Ada</button></form>`)
  })
  app.post('/login', { config: { sessionTimeout: { afterTimeout: 'continue' } } }, async (request, reply) => {
    await request.session.regenerate()
    request.session.user = 'Ada'
    return reply.redirect(safeReturnPath(request.query.returnTo), 303)
  })

  function list () {
    return `<ul>${notes.map(note => `<li>${note.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)}</li>`).join('')}</ul>`
  }
  return app
}

function sendPage (reply, body) {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>htmx, and an end to every session</title>
<script src="/htmx.js" defer></script>
${body}
`)
}

await runExample(import.meta.url, buildHtmx, address => `
  Open ${address}/ and sign in, then add a note, and wait a minute.
`)
