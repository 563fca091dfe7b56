// node examples/passport.js
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import { Authenticator } from '@fastify/passport'
import session from '@fastify/session'
import Fastify from 'fastify'
import sessionTimeout, { safeReturnPath } from 'fastify-session-timeout'
import { Strategy } from 'passport-local'
import { runExample } from './sessions.js'

const salt = randomBytes(16)
const users = new Map([['ada', { name: 'ada', hash: scryptSync('lovelace', salt, 32) }]])

export async function buildPassport (options = {}) {
  const app = Fastify({ logger: options.logger ?? false, forceCloseConnections: true })
  const passport = new Authenticator()
  passport.use('local', new Strategy((name, password, done) => {
    const user = users.get(name)
    done(null, user !== undefined && timingSafeEqual(scryptSync(password, salt, 32), user.hash) && user)
  }))
  passport.registerUserSerializer(async user => user.name)
  passport.registerUserDeserializer(async name => users.get(name) ?? null)

  await app.register(cookie)
  await app.register(formbody)
  await app.register(session, {
    secret: options.secret ?? randomBytes(32).toString('hex'),
    rolling: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', path: '/', secure: 'auto' }
  })
  // initialize() brings @fastify/flash along, which the plugin looks for.
  await app.register(passport.initialize())
  await app.register(sessionTimeout, {
    idleTimeout: '60s',
    warnBefore: '20s',
    // What Passport keeps in the session. request.user and isAuthenticated() come too late to be asked here.
    user: session => session.passport,
    afterTimeout: { redirectTo: '/login' },
    endpoint: '/session-timeout',
    ...options.timeout
  })
  // Passport restores nobody from an ended session.
  await app.register(passport.secureSession())

  app.get('/', async (request, reply) => {
    if (request.isUnauthenticated()) return reply.redirect('/login', 303)
    return sendPage(reply, `<h1>Hello, ${request.user.name}</h1>
<p>You are signed out after a minute without activity.</p>
<form method="post" action="/logout"><button>Sign out</button></form>
<script type="module" src="/session-timeout/client.js"></script>`)
  })
  app.get('/login', async (request, reply) => {
    const { returnTo } = request.query
    const messages = request.session.flash ? Object.values(reply.flash()).flat() : []
    return sendPage(reply, `<h1>Sign in</h1>
${messages.map(message => `<p role="alert">${escape(message)}</p>`).join('\n')}
<form method="post" action="/login?returnTo=${encodeURIComponent(safeReturnPath(returnTo))}">
<p><label>Name <input name="username" autocomplete="username" required></label> (ada)</p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label> (lovelace)</p>
<button>Sign in</button></form>`)
  })
  app.post('/login', {
    // A cookie of yesterday must not cost the password that was just typed.
    config: { sessionTimeout: { afterTimeout: 'continue' } },
    preValidation: passport.authenticate('local', { failureRedirect: '/login', failureFlash: 'That is not right.' })
  }, async (request, reply) => reply.redirect(safeReturnPath(request.query.returnTo), 303))
  app.post('/logout', async (request, reply) => {
    await request.logOut()
    return reply.redirect('/login', 303)
  })
  return app
}

function sendPage (reply, body) {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Passport, and an end to every session</title>
${body}
`)
}

function escape (text) {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

await runExample(import.meta.url, buildPassport, address => `
  Open ${address}/ and sign in as ada with the password lovelace, then wait a minute.
`)
