import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import cookie from '@fastify/cookie'
import flash from '@fastify/flash'
import formbody from '@fastify/formbody'
import session from '@fastify/session'
import { parse } from '@lukeed/ms'
import sessionTimeout, { safeReturnPath } from 'fastify-session-timeout'
import { skip } from './clock.js'
import { accountPage, failurePage, letterPage, loginPage, newsPage, resumedPage, skippedPage, startPage, statementPage } from './pages.js'
import { siteWithout } from './without.js'

const securityHeaders = {
  // The start page shows two pages of this site in frames; other sites may not.
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
}

const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' }
const files = ['style.css', 'clock.js', 'time.js', 'story.js', 'page.js', 'panel.js', 'icon.svg']

/**
 * The whole demo, not yet listening.
 * @param {object} [options]
 * @param {number | string} [options.idleTimeout]
 * @param {number | string} [options.absoluteTimeout]
 * @param {number | string} [options.warnBefore]
 * @param {number | string} [options.confirmWithin] how long ago the sign-in may be for the statement
 * @param {string} [options.secret] signs the session cookie; a new one at each start by default
 * @param {object} [options.store] a session store; memory by default
 * @param {Function} [options.onTimeout]
 * @param {object | boolean} [options.logger]
 */
export async function buildDemo ({
  idleTimeout = '60s',
  absoluteTimeout = '5m',
  warnBefore = '20s',
  confirmWithin = '30s',
  secret = randomBytes(32).toString('hex'),
  store,
  onTimeout,
  logger = false
} = {}) {
  // forceCloseConnections: browsers keep connections open, and a demo should stop when it is told to.
  const app = Fastify({ logger, forceCloseConnections: true })
  await app.register(cookie)
  await app.register(formbody)

  app.addHook('onRequest', async function protect (request, reply) {
    reply.headers(securityHeaders)
    // The forms of this site are sent from this site; SameSite alone lets neighbouring subdomains through.
    const site = request.headers['sec-fetch-site']
    if (request.method === 'POST' && site !== undefined && site !== 'same-origin' && site !== 'none') {
      throw Object.assign(new Error('This form was sent from another site.'), { statusCode: 403 })
    }
  })
  app.setErrorHandler(function sayError (error, request, reply) {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error(error)
    reply.code(status)
    if (!wantsPage(request)) return reply.send({ statusCode: status, code: error.code, message: status < 500 ? error.message : 'Something went wrong' })
    return sendPage(reply, failurePage({ user: request.session?.user, title: 'That did not work', message: status < 500 ? error.message : 'Something went wrong here.' }))
  })

  for (const name of files) {
    const body = await readFile(new URL(name, import.meta.url))
    app.get(`/${name}`, async (request, reply) => reply.type(types[name.split('.')[1]]).header('cache-control', 'no-cache').send(body))
  }

  const policy = { idleTimeout, absoluteTimeout, warnBefore, confirmWithin }
  // 'auto': Secure over https, and still usable on http://localhost.
  const cookieOptions = { httpOnly: true, sameSite: 'lax', path: '/', secure: 'auto' }
  await app.register(site, { policy, secret, cookie: cookieOptions, store, onTimeout })
  await app.register(siteWithout, { prefix: '/without', policy, secret, cookie: cookieOptions })
  return app
}

/** What an application with the plugin looks like. */
async function site (app, { policy, secret, cookie, store, onTimeout }) {
  await app.register(session, {
    secret,
    rolling: false,
    saveUninitialized: false,
    cookie,
    ...(store && { store })
  })
  await app.register(flash)
  await app.register(sessionTimeout, {
    idleTimeout: policy.idleTimeout,
    absoluteTimeout: policy.absoluteTimeout,
    warnBefore: policy.warnBefore,
    // Visitors have no clock: it starts when they sign in. And nobody gets to see a page of somebody else.
    user: session => session.user,
    afterTimeout: { redirectTo: '/login' },
    endpoint: '/session-timeout',
    ...(onTimeout && { onTimeout })
  })
  app.setNotFoundHandler(function sayNotFound (request, reply) {
    reply.code(404)
    return sendPage(reply, failurePage({ user: request.session.user, title: 'Not found', message: 'There is no such page.' }))
  })
  await app.register(publicPages, { policy })
  await app.register(protectedPages, { policy })
}

async function publicPages (app, { policy }) {
  const contextOf = createContextOf(policy)

  // It shows pages in frames, but nothing of the user itself: loading it is no activity.
  app.get('/', { config: { sessionTimeout: { countsAsActivity: false, afterTimeout: 'continue' } } }, async (request, reply) => {
    return sendPage(reply, startPage(contextOf(request)))
  })

  app.get('/login', async (request, reply) => {
    const context = contextOf(request)
    const { reason } = request.query
    return sendPage(reply, loginPage({
      ...context,
      messages: { ...explain(reason), ...takeMessages(request, reply) },
      returnTo: safeReturnPath(request.query.returnTo, '/account'),
      stale: reason === 'stale' && context.user !== undefined,
      ended: reason === 'missing' || explain(reason) !== undefined
    }))
  })

  // A cookie of yesterday must not cost what was just typed.
  app.post('/login', { config: { sessionTimeout: { afterTimeout: 'continue' } } }, async (request, reply) => {
    const user = String(request.body?.name ?? '').trim().slice(0, 40)
    const returnTo = safeReturnPath(request.body?.returnTo, '/account')
    if (user === '') {
      reply.code(400)
      return sendPage(reply, loginPage({ ...contextOf(request), returnTo, problem: 'Please enter a name. Any name will do.' }))
    }
    // A new id at sign-in, against session fixation; the new session's clocks start when it is first stored with a user.
    await request.session.regenerate()
    request.session.user = user
    if (returnTo !== '/') request.flash('success', `Welcome, ${user}. Your clock is running.`)
    // The plugin's own page there closes the tab as well; this one looks like the rest of the site.
    return reply.redirect(returnTo === '/session-timeout/resumed' ? '/resumed' : returnTo, 303)
  })

  app.post('/logout', async (request, reply) => {
    if (request.session.user !== undefined) await request.session.destroy()
    reply.clearCookie('sessionId', { path: '/' })
    return reply.redirect('/', 303)
  })
}

async function protectedPages (app, { policy }) {
  const contextOf = createContextOf(policy)
  const withMessages = (request, reply) => ({ ...contextOf(request), messages: takeMessages(request, reply) })

  // The application's own guard: it knows nothing of timeouts, only of users.
  app.addHook('preHandler', async function requireUser (request, reply) {
    reply.header('cache-control', 'no-store')
    if (request.session.user !== undefined) return
    if (!wantsPage(request)) throw Object.assign(new Error('Please sign in.'), { statusCode: 401 })
    return reply.redirect(request.method === 'GET' ? `/login?returnTo=${encodeURIComponent(request.url)}` : '/login', 303)
  })

  app.get('/account', async (request, reply) => sendPage(reply, accountPage(withMessages(request, reply))))

  // Re-authentication: this is where a real application asks for the password or a passkey again.
  app.post('/account/confirm', async (request, reply) => {
    await request.sessionTimeout.restart()
    request.flash('success', 'Confirmed. Both clocks start anew.')
    return reply.redirect(safeReturnPath(request.body?.returnTo, '/account'), 303)
  })

  // Being signed in is not enough here: whoever finds the screen unlocked is signed in, too.
  app.get('/statement', { config: { sessionTimeout: { signedInWithin: policy.confirmWithin } } }, async (request, reply) => sendPage(reply, statementPage(withMessages(request, reply))))

  // Where a sign-in ends that was begun from a covered page, in a tab of its own.
  app.get('/resumed', async (request, reply) => sendPage(reply, resumedPage({ ...contextOf(request), bare: true })))

  // Only a demo has this. A second is left, so that one sees it come.
  app.post('/skip', { config: { sessionTimeout: { countsAsActivity: false } } }, async (request, reply) => {
    const { remaining } = request.sessionTimeout
    const toWarning = remaining - parse(String(policy.warnBefore)) - 1000
    const { to, by } = request.body ?? {}
    const wanted = by !== undefined ? Number(by) : to === 'warning' || (to === 'next' && toWarning > 0) ? toWarning : remaining
    const skipped = Math.max(0, Math.min(wanted || 0, remaining - 1000))
    skip(skipped)
    return wantsPage(request) ? sendPage(reply, skippedPage({ ...contextOf(request), skipped })) : { skipped }
  })

  app.get('/news', async (request, reply) => sendPage(reply, newsPage(withMessages(request, reply))))

  // Polling is no sign of the user: checked, but it extends nothing.
  app.get('/api/news', { config: { sessionTimeout: { countsAsActivity: false } } }, async () => ({ time: new Date(Date.now()).toISOString() }))

  // What a user's click causes is: any route is, unless it says otherwise.
  app.get('/api/work', async () => ({ done: true }))

  app.get('/letter', async (request, reply) => sendPage(reply, letterPage({
    ...withMessages(request, reply),
    letter: request.session.letter ?? '',
    draft: 'begun' in request.query
  })))

  app.post('/letter', async (request, reply) => {
    request.session.letter = String(request.body?.letter ?? '').slice(0, 4000)
    request.flash('success', `Saved, ${request.session.letter.length} characters.`)
    return reply.redirect('/letter', 303)
  })
}

/** What every page is made of. */
function createContextOf (policy) {
  return function contextOf (request) {
    const { startedAt, lastActivity, expiresAt, remaining } = request.sessionTimeout
    // In a frame of the start page: that has the clock.
    const bare = request.headers['sec-fetch-dest'] === 'iframe'
    return { base: '', policy, bare, user: request.session.user, startedAt, lastActivity, expiresAt, remaining }
  }
}

/**
 * A page whose session ends while it is open comes here by itself, and asked for nothing that could
 * leave a flash message: the reason is in the address. A flash message says it better and takes its place.
 */
function explain (reason) {
  if (reason === 'idle') return { warning: ['You were signed out because you were inactive for too long. Please sign in again.'] }
  if (reason === 'absolute') return { warning: ['You were signed out because your session reached its time limit. Please sign in again.'] }
  if (reason === 'signed-out') return { success: ['You have signed out.'] }
  return undefined
}

/**
 * Flash messages, read once. Reading writes, so a visitor without messages is left without a session. That the session
 * is about to end is said by the plugin when messages are read, and is not kept in the session.
 */
function takeMessages (request, reply) {
  const hasMessages = Object.keys(request.session.flash ?? {}).length > 0
  return hasMessages || request.sessionTimeout.expiring ? reply.flash() : {}
}

function wantsPage (request) {
  return request.headers['sec-fetch-mode'] === 'navigate' || request.headers.accept?.includes('text/html') === true
}

function sendPage (reply, page) {
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
  return reply.type('text/html; charset=utf-8').send(String(page))
}
