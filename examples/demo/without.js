// The same pages as most sites have them: the cookie's maxAge is all that ends a session, and no page hears of it.
import session from '@fastify/session'
import { parse } from '@lukeed/ms'
import { safeReturnPath } from 'fastify-session-timeout'
import { skip } from './clock.js'
import { letterPage, loginPage, startPage, statementPage } from './pages.js'

const base = '/without'

export async function siteWithout (app, { policy, secret, cookie }) {
  const idleTimeout = parse(String(policy.idleTimeout))

  // Outside of the session: with `rolling`, every request of the user prolongs it.
  app.post('/skip', async (request, reply) => {
    const { to, by } = request.body ?? {}
    const skipped = Math.max(0, Math.min(to === undefined ? Number(by) || 0 : idleTimeout, idleTimeout))
    skip(skipped)
    return request.headers.accept?.includes('text/html') ? reply.redirect(base, 303) : { skipped }
  })

  await app.register(async function pages (app) {
    await app.register(session, {
      secret,
      cookieName: 'without',
      saveUninitialized: false,
      cookie: { ...cookie, path: base, maxAge: idleTimeout }
    })

    const contextOf = request => ({
      base,
      policy,
      bare: request.headers['sec-fetch-dest'] === 'iframe',
      user: request.session.user,
      expiresAt: Date.now() + idleTimeout,
      remaining: idleTimeout
    })

    app.get('/', async (request, reply) => sendPage(reply, startPage(contextOf(request))))

    app.get('/login', async (request, reply) => sendPage(reply, loginPage({
      ...contextOf(request),
      returnTo: safeReturnPath(request.query.returnTo, base)
    })))

    app.post('/login', async (request, reply) => {
      await request.session.regenerate()
      request.session.user = String(request.body?.name ?? '').trim().slice(0, 40) || 'Ada'
      return reply.redirect(safeReturnPath(request.body?.returnTo, base), 303)
    })

    app.post('/logout', async (request, reply) => {
      await request.session.destroy()
      return reply.redirect(base, 303)
    })

    app.register(async function guarded (app) {
      app.addHook('preHandler', async function requireUser (request, reply) {
        if (request.session.user !== undefined) return
        return reply.redirect(`${base}/login?returnTo=${encodeURIComponent(request.url)}`, 303)
      })

      app.get('/statement', async (request, reply) => sendPage(reply, statementPage(contextOf(request))))

      app.get('/letter', async (request, reply) => sendPage(reply, letterPage({
        ...contextOf(request),
        letter: request.session.letter ?? '',
        draft: 'begun' in request.query
      })))

      app.post('/letter', async (request, reply) => {
        request.session.letter = String(request.body?.letter ?? '').slice(0, 4000)
        return reply.redirect(`${base}/letter`, 303)
      })
    })
  })
}

function sendPage (reply, page) {
  return reply.header('cache-control', 'no-store').type('text/html; charset=utf-8').send(String(page))
}
