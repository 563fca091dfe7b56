import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import t from 'tap'
import sessionTimeout from '../../index.js'
import { buildApp, secret } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'

t.test('registering before @fastify/session is refused, saying what to do', async t => {
  const app = Fastify()
  await app.register(cookie)
  await t.rejects(async () => { await app.register(sessionTimeout) }, {
    code: 'FST_SESSION_TIMEOUT_NO_SESSION',
    message: 'Register @fastify/cookie and @fastify/session before fastify-session-timeout, in the same scope or one around it'
  })
})

t.test('another plugin\'s request.session is not taken for that of @fastify/session', async t => {
  const app = Fastify()
  app.decorateRequest('session' as 'id')
  await t.rejects(async () => { await app.register(sessionTimeout) }, { code: 'FST_SESSION_TIMEOUT_NO_SESSION' })
})

t.test('sessions that live in the browser are refused, saying what to take', async t => {
  const app = Fastify()
  // What @fastify/secure-session decorates.
  app.decorateRequest('session' as 'id')
  app.decorate('decodeSecureSession', () => null)
  await t.rejects(async () => { await app.register(sessionTimeout) }, {
    code: 'FST_SESSION_TIMEOUT_NO_SESSION',
    message: /secure-session keeps sessions in the browser, where no server can end them: register @fastify\/session instead/
  })
})

for (const missing of ['store', 'signer', 'generator of ids']) {
  t.test(`a session that does not hold its ${missing} ends the request, saying which version is needed`, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(cookie)
    const store = { get () {}, set () {}, destroy () {} }
    const holds: Record<string, unknown> = { store, signer: { sign: () => '', unsign: () => ({ valid: false, value: null }) }, 'generator of ids': () => 'x' }
    app.decorate('decryptSession', () => {})
    app.decorateRequest('session')
    app.decorateRequest('sessionStore' as 'id', { getter: () => store as unknown as string })
    app.addHook('onRequest', async request => {
      const slots = Object.entries(holds).filter(([name]) => name !== missing).map(([name, value]) => [Symbol(name), value])
      request.session = { sessionId: 'x', encryptedSessionId: 'x.y', ...Object.fromEntries(slots) } as typeof request.session
    })
    await app.register(sessionTimeout)
    app.get('/', async () => 'never')
    t.match((await app.inject('/')).json(), {
      statusCode: 500,
      code: 'FST_SESSION_TIMEOUT_NO_SESSION',
      message: 'This version of @fastify/session cannot be guarded: use 11.1.3 or later of its version 11'
    })
  })
}

t.test('registering twice in one scope is refused', async t => {
  await t.rejects(buildApp(t, { routes: async app => { await app.register(sessionTimeout) } }), {
    code: 'FST_SESSION_TIMEOUT_ALREADY_REGISTERED',
    message: /already registered in this scope or one around it/
  })
})

t.test('registering again in a scope inside is refused', async t => {
  await t.rejects(buildApp(t, {
    routes: async app => { await app.register(async scope => { await scope.register(sessionTimeout, { idleTimeout: '5m' }) }) }
  }), { code: 'FST_SESSION_TIMEOUT_ALREADY_REGISTERED' })
})

t.test('a cookieName that differs from that of @fastify/session is noticed at the first session that is stored', async t => {
  for (const [host, ours] of [['sid', undefined], [undefined, 'sid'], ['__Host-sid', 'sid']] as const) {
    const { app } = await buildApp(t, {
      session: host === undefined ? {} : { cookieName: host },
      timeout: ours === undefined ? {} : { cookieName: ours }
    })
    const browser = createBrowser(app)
    t.equal((await browser.get('/me')).statusCode, 200, 'nothing to notice yet')
    const page = await browser.post('/sign-in')
    t.equal(page.statusCode, 500)
    t.same(page.setCookies, [])
    t.match(page.json(), {
      code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
      message: `cookieName must be that of @fastify/session, which is "${host ?? 'sessionId'}", received "${ours ?? 'sessionId'}"`
    })
  }
})

t.test('a wrong cookieName is noticed behind a cookie prefix too', async t => {
  const { app } = await buildApp(t, { session: { cookieName: 'sid', cookiePrefix: 's:' } })
  const browser = createBrowser(app)
  t.match((await browser.post('/sign-in')).json(), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION' })
})

t.test('other cookies, under any name, are not taken for a wrong cookieName', async t => {
  const { app } = await buildApp(t, { session: { cookieName: 'sid' }, timeout: { cookieName: 'sid' } })
  const browser = createBrowser(app)
  browser.setCookie('sessionId', 'of.another')
  browser.setCookie('theme', 'dark')
  t.equal((await browser.get('/me')).statusCode, 200)
  await browser.post('/sign-in')
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('a cookie parser that only runs after onRequest leaves requests without a session, not without a check', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie, { hook: 'onRequest' })
  await app.register(session, { secret, cookie: { secure: false } })
  await app.register(sessionTimeout)
  app.get('/', async request => request.sessionTimeout.ended)
  t.equal((await app.inject('/')).statusCode, 200)
})
