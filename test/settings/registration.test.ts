import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type FastifyRequest } from 'fastify'
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
      message: /^@fastify\/session \d+\.\d+\.\d+ cannot be guarded, since its sessions are made otherwise: use 11\.1\.3/
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

t.test('a cookieName that differs from that of @fastify/session is refused at start', async t => {
  for (const cookiePrefix of ['', 's:']) {
    for (const path of ['/', '/app']) {
      for (const [host, ours] of [['sid', undefined], [undefined, 'sid'], ['__Host-sid', 'sid']] as const) {
        await t.rejects(buildApp(t, {
          session: { cookiePrefix, cookie: { path }, ...(host !== undefined && { cookieName: host }) },
          timeout: ours === undefined ? {} : { cookieName: ours }
        }), {
          code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
          message: `cookieName must be that of @fastify/session, which is "${host ?? 'sessionId'}", received "${ours ?? 'sessionId'}"`
        })
      }
    }
  }
})

t.test('a cookieName that differs is refused in a scope of its own, too', async t => {
  await t.rejects(buildApp(t, {
    timeout: false,
    session: { cookieName: 'sid' },
    routes: async app => { await app.register(async scope => { await scope.register(sessionTimeout) }) }
  }), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION' })
})

t.test('where it cannot be known at start, it is noticed at the first session that is stored', async t => {
  const { app } = await buildApp(t, {
    session: { cookieName: 'sid', cookiePrefix: 's:' },
    beforeTimeout (app) {
      const hooks = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')!
      const { onRequest } = (app as unknown as Record<symbol, { onRequest: Array<() => void> }>)[hooks]!
      for (const hook of onRequest) Object.defineProperty(hook, 'name', { value: 'renamed' })
    }
  })
  const browser = createBrowser(app)
  t.equal((await browser.get('/me')).statusCode, 200, 'nothing to notice yet')
  const page = await browser.post('/sign-in')
  t.match(page.json(), { statusCode: 500, code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /^cookieName must be that of @fastify\/session, which is "sid"/ })
  t.same(page.setCookies, [])
})

t.test('a session plugin that cannot be guarded is refused at start, with its version', async t => {
  const refusal = { code: 'FST_SESSION_TIMEOUT_NO_SESSION', message: /^@fastify\/session \d+\.\d+\.\d+ cannot be guarded/ }
  // One whose sessions hold no store, and one that makes successors by another way.
  const changes: Array<(session: object) => void> = [
    session => { for (const symbol of Object.getOwnPropertySymbols(session)) Object.assign(session, { [symbol]: undefined }) },
    session => { Object.assign(session, { regenerate: (done: () => void) => done() }) }
  ]
  for (const change of changes) {
    await t.rejects(buildApp(t, {
      before (app) {
        const { decorate } = app
        Object.assign(app, {
          decorate (name: string, value: (id: string, request: FastifyRequest, done: () => void) => void) {
            return (decorate as unknown as (this: object, name: string, value: unknown) => object).call(app, name, name !== 'decryptSession'
              ? value
              : function (id: string, request: FastifyRequest, done: () => void) {
                return value(id, request, () => {
                  const { sessionId, encryptedSessionId, cookie } = request.session
                  const other = Object.assign(Object.create(Object.getPrototypeOf(request.session)), request.session)
                  change(other)
                  Object.defineProperties(other, { sessionId: { value: sessionId }, encryptedSessionId: { value: encryptedSessionId }, cookie: { value: cookie } })
                  request.session = other
                  done()
                })
              })
          }
        })
      }
    }), refusal)
  }
})

t.test('a generator of ids that wants a real request is left for the first one', async t => {
  const { app } = await buildApp(t, { session: { idGenerator: request => `${request!.raw.url!.length}-${Math.random()}-0123456789012345678901234567` } })
  t.equal((await createBrowser(app).post('/sign-in')).statusCode, 200)
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
