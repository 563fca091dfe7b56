// The API of the single-page application, on an origin of its own.
import { randomBytes } from 'node:crypto'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import session from '@fastify/session'
import Fastify from 'fastify'
import sessionTimeout from 'fastify-session-timeout'

/**
 * @param {object} options
 * @param {string[]} options.pages the origins of the pages
 * @param {object} [options.timeout]
 * @param {object} [options.logger]
 */
export async function buildApi ({ pages, timeout, logger = false }) {
  const app = Fastify({ forceCloseConnections: true, logger })
  // First, so that a 401 can be read by the pages, too. They read how much time is left from the same header.
  await app.register(cors, { origin: pages, credentials: true, methods: ['GET', 'HEAD', 'POST', 'DELETE'] })
  await app.register(cookie)
  await app.register(session, {
    secret: randomBytes(32).toString('hex'),
    rolling: false,
    saveUninitialized: false,
    // Two ports of one host are one site. For app.example and api.example: sameSite: 'none', secure: true.
    cookie: { httpOnly: true, sameSite: 'lax', path: '/', secure: 'auto' }
  })
  await app.register(sessionTimeout, {
    idleTimeout: '60s',
    warnBefore: '20s',
    user: session => session.user,
    afterTimeout: 'unauthorized',
    endpoint: '/session-timeout',
    trustedOrigins: pages,
    ...timeout
  })

  app.addHook('onRequest', async function refuseOtherOrigins (request) {
    const { origin } = request.headers
    if (request.method === 'POST' && !pages.includes(origin)) throw Object.assign(new Error('Not from this site'), { statusCode: 403 })
  })
  app.get('/me', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => ({ user: request.session.user ?? null }))
  app.post('/sign-in', { config: { sessionTimeout: { afterTimeout: 'continue' } } }, async request => {
    const user = String(request.body?.name ?? '').trim().slice(0, 40)
    if (user === '') throw Object.assign(new Error('Please enter a name'), { statusCode: 400 })
    await request.session.regenerate()
    request.session.user = user
    return { user }
  })
  app.post('/letter', async request => {
    if (request.session.user === undefined) throw Object.assign(new Error('Please sign in'), { statusCode: 401 })
    return { length: String(request.body?.letter ?? '').length }
  })
  return app
}
