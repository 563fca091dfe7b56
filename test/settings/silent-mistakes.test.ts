import { readFileSync } from 'node:fs'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import sessionTimeout, { type FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp, secret, type AppOptions, type LogLine } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { root } from '../helpers/root.js'

/** What is said at start, by an error or by warnings. */
async function saidAtStart (t: Test, options: AppOptions): Promise<string> {
  try {
    const { logs } = await buildApp(t, options)
    return logs.filter(({ level }) => level >= 40).map(({ msg }) => msg).join('\n')
  } catch (error) {
    return (error as Error).message
  }
}

function route (config: object): AppOptions {
  return { routes: app => { app.get('/x', { config }, async () => 'x') } }
}

function given (timeout: object): AppOptions {
  return { timeout: timeout as FastifySessionTimeoutOptions }
}

const mistakes: Record<string, AppOptions> = {
  'idleTimeout: 900': given({ idleTimeout: 900 }),
  "idleTimeout: '900'": given({ idleTimeout: '900' }),
  'absoluteTimeout: 86400': given({ absoluteTimeout: 86400 }),
  "idleTimeout: 'soon'": given({ idleTimeout: 'soon' }),
  'idleTimeout: 0': given({ idleTimeout: 0 }),
  'idleTimeout: null': given({ idleTimeout: null }),
  'idleTimeout: false, absoluteTimeout: false': given({ idleTimeout: false, absoluteTimeout: false }),
  "idleTimeout: '2h', absoluteTimeout: '1h'": given({ idleTimeout: '2h', absoluteTimeout: '1h' }),
  "idleTimeout: '1m'": given({ idleTimeout: '1m' }),
  "idleTimeout: false, absoluteTimeout: '1h', warnBefore: '2h'": given({ idleTimeout: false, absoluteTimeout: '1h', warnBefore: '2h' }),
  "warnBefore: '5s'": given({ warnBefore: '5s' }),
  'warnBefore: 120': given({ warnBefore: 120 }),
  "touchInterval: '30m'": given({ touchInterval: '30m' }),
  "touchInterval: '20m'": given({ touchInterval: '20m' }),
  "touchInterval: '29m'": given({ touchInterval: '29m' }),
  'storeGrace: 3600': given({ storeGrace: 3600 }),
  "idleTimout: '15m'": given({ idleTimout: '15m' }),
  "afterTimeout: { redirectTo: '/login', reason: 'why' }": given({ afterTimeout: { redirectTo: '/login', reason: 'why' } }),
  "afterTimeout: 'redirect'": given({ afterTimeout: 'redirect' }),
  "afterTimeout: { redirectTo: 'login' }": given({ afterTimeout: { redirectTo: 'login' } }),
  "endpoint: '/session-timeout/'": given({ endpoint: '/session-timeout/' }),
  "trustedOrigins: ['https://app.example/']": given({ trustedOrigins: ['https://app.example/'] }),
  'flash: true': given({ flash: true }),
  "user: 'userId'": given({ user: 'userId' }),
  'rolling: 1': given({ rolling: 1 }),
  'endBus: {}': given({ endBus: {} }),
  "cookieName: 'sid'": given({ cookieName: 'sid' }),
  '@fastify/session with cookie: { maxAge: 7200000 }': { session: { cookie: { maxAge: 7_200_000 } } },
  'app.register(async scope => { await scope.register(sessionTimeout) })': {
    timeout: false,
    routes: app => { app.register(async scope => { await scope.register(sessionTimeout) }) }
  },
  "config: { sessiontimeout: { idleTimeout: '5m' } }": route({ sessiontimeout: { idleTimeout: '5m' } }),
  "config: { sessionTimeout: { idleTimout: '5m' } }": route({ sessionTimeout: { idleTimout: '5m' } }),
  'config: { sessionTimeout: true }': route({ sessionTimeout: true }),
  "config: { sessionTimeout: { idleTimeout: '2h' } }": route({ sessionTimeout: { idleTimeout: '2h' } }),
  "config: { sessionTimeout: { idleTimeout: '30s' } }": route({ sessionTimeout: { idleTimeout: '30s' } }),
  'config: { sessionTimeout: { signedInWithin: 600 } }': route({ sessionTimeout: { signedInWithin: 600 } }),
  "config: { sessionTimeout: { signedInWithin: '2 days' } }": route({ sessionTimeout: { signedInWithin: '2 days' } })
}

const documents = readFileSync(new URL('docs/troubleshooting.md', root), 'utf8')
const table = new Map(Array.from(documents.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|$/gm), ([, mistake, says]) => [mistake!, says!]))

for (const [mistake, options] of Object.entries(mistakes)) {
  t.test(`${mistake} is answered as docs/troubleshooting.md says`, async t => {
    const says = table.get(mistake)
    t.ok(says, 'the page names it')
    const said = await saidAtStart(t, options)
    t.ok(said.includes(String(says)), said)
  })
}

t.test('a user that finds nobody in dozens of sessions with data is warned about once, with the names of their keys', async t => {
  const { app, logs } = await buildApp(t, {
    timeout: { user: session => (session as { uid?: string }).uid },
    routes: app => { app.post('/cart', async request => { request.session.cart = ['a secret'] }) }
  })
  for (let count = 0; count < 30; count++) await createBrowser(app).post('/cart')
  t.same(logs.filter(({ level }) => level >= 40), [])
  for (let count = 0; count < 60; count++) await createBrowser(app).post('/sign-in')
  const warnings = logs.filter(({ level }) => level >= 40).map(({ msg }) => msg)
  t.same(warnings, ['fastify-session-timeout: user has found nobody in 48 sessions that hold data, so that none of them is timed. ' +
    'The keys in them: cart, userId. Does user read the key that the sign-in writes?'])
})

t.test('a user function that has found a user once causes no warning', async t => {
  const { app, logs } = await buildApp(t, {
    timeout: { user: session => session.userId },
    routes: app => { app.post('/cart', async request => { request.session.cart = ['apples'] }) }
  })
  await createBrowser(app).post('/sign-in')
  for (let count = 0; count < 60; count++) await createBrowser(app).post('/cart')
  t.same(logs.filter(({ level }) => level >= 40), [])
})

t.test('where visitors have sessions too, cookie.maxAge is theirs: that is said, and is no warning', async t => {
  for (const timeout of [{ user: (session: { userId?: string }) => session.userId }, { appliesTo: () => true }]) {
    const { logs } = await buildApp(t, { timeout, session: { cookie: { maxAge: 7_200_000 } } })
    t.same(logs.filter(({ level }) => level >= 40), [])
    t.ok(logs.some(({ msg }) => msg === 'fastify-session-timeout: cookie.maxAge of @fastify/session (7200000 ms) does not decide when users are signed out: ' +
      'idleTimeout and absoluteTimeout do. It is for sessions without a user'))
  }
})

t.test('a scope is warned of only where routes with sessions lie outside, and says how many', async t => {
  const warnings = async (register: (app: FastifyInstance) => Promise<void>): Promise<string[]> => {
    const logs: LogLine[] = []
    const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { logs.push(JSON.parse(line)) } } } })
    t.teardown(() => app.close())
    await app.register(cookie)
    await register(app)
    await app.ready()
    return logs.map(({ msg }) => msg)
  }
  const withSessions = async (app: FastifyInstance): Promise<void> => {
    await app.register(session, { secret, rolling: false, saveUninitialized: false, cookie: { secure: false } })
  }
  const inside = async (scope: FastifyInstance): Promise<void> => {
    await scope.register(sessionTimeout, { endpoint: '/session-timeout' })
    scope.get('/in', async () => '')
  }
  t.same(await warnings(async app => {
    await withSessions(app)
    await app.register(inside)
  }), [], 'no route lies outside')
  t.same(await warnings(async app => {
    app.get('/files/*', async () => '')
    app.register(async scope => {
      await withSessions(scope)
      await scope.register(sessionTimeout)
    })
    app.get('/about', async () => '')
  }), [], 'those outside have no sessions')
  t.same(await warnings(async app => {
    await withSessions(app)
    app.get('/me', async () => '')
    await app.register(inside)
    app.route({ method: ['GET', 'POST'], url: '/other/:id', handler: async () => '' })
  }), ['fastify-session-timeout: 2 routes have sessions and lie outside of the scope that it is registered in: nobody is timed there. ' +
    'Register it where @fastify/session is registered'], 'before and after it; HEAD is not counted')
  t.match(await warnings(async app => {
    await withSessions(app)
    await app.register(inside)
    app.get('/about', async () => '')
  }), [/^fastify-session-timeout: 1 route has sessions and lies outside/])
  t.same(await warnings(async app => {
    await withSessions(app)
    await app.register(inside)
    await app.register(async scope => {
      await scope.register(sessionTimeout)
      scope.get('/there', async () => '')
    })
  }), [], 'a sibling times its own')
})

t.test('a cookie that goes out without Secure although the browser speaks TLS is warned of once', async t => {
  const proxied = { 'x-forwarded-proto': 'https' }
  for (const secure of ['auto', false] as const) {
    const { app, logs } = await buildApp(t, { session: { cookie: { secure } } })
    const warnings = (): string[] => logs.filter(({ level }) => level >= 40).map(({ msg }) => msg)
    await createBrowser(app).post('/sign-in')
    await createBrowser(app).get('/me', proxied)
    t.same(warnings(), [], 'without a proxy, or without a session, there is nothing to say')
    for (let count = 0; count < 2; count++) await createBrowser(app).post('/sign-in', undefined, proxied)
    t.same(warnings(), ['fastify-session-timeout: a session cookie is sent without Secure, and the request came over TLS to a proxy (X-Forwarded-Proto). ' +
      "Set trustProxy of Fastify, and cookie.secure of @fastify/session to 'auto' or true"])
  }
  const { app, logs } = await buildApp(t, { server: { trustProxy: true }, session: { cookie: { secure: 'auto' } } })
  const page = await createBrowser(app).post('/sign-in', undefined, proxied)
  t.match(page.setCookies, [/; Secure/])
  t.same(logs.filter(({ level }) => level >= 40), [])
})
