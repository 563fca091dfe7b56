import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import sessionTimeout from '../../index.js'
import { buildApp, type AppOptions, type LogLine } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'

const url = '/session-timeout'
const own = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }

type Stage = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'
const stages: readonly Stage[] = ['onRequest', 'preParsing', 'preValidation', 'preHandler']

/** How applications send visitors away. */
const guards: Record<string, (reply: FastifyReply) => unknown> = {
  'a redirect': reply => reply.redirect('/login', 303),
  'an error': () => { throw Object.assign(new Error('Sign in first'), { statusCode: 401 }) },
  'a page of its own': reply => reply.type('text/html').send('<h1>Sign in</h1>')
}

function guard (answer: (reply: FastifyReply) => unknown): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  return async function sendVisitorsAway (request, reply) {
    if (request.session.userId !== undefined || request.url.startsWith('/sign-in')) return
    return answer(reply)
  }
}

interface Site {
  app: FastifyInstance
  browser: Browser
  clock: FakeClock
  warnings (): string[]
}

async function openSite (t: Test, options: AppOptions): Promise<Site> {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, { ...options, timeout: { user: session => session.userId, endpoint: url, ...options.timeout } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  return { app, browser, clock, warnings: () => warningsIn(logs) }
}

function warningsIn (logs: readonly LogLine[]): string[] {
  return logs.filter(({ level }) => level >= 40).map(({ msg }) => msg)
}

for (const [kind, answer] of Object.entries(guards)) {
  for (const stage of stages) {
    t.test(`${kind} of a guard in ${stage}, registered after the plugin, does not reach the endpoint`, async t => {
      const { browser, clock, warnings } = await openSite(t, {
        routes: app => { app.addHook(stage as 'onRequest', guard(answer)) }
      })
      clock.tick(30 * minute)
      const extended = await browser.clone().post(url, { idleFor: 0 }, own)
      t.match([extended.statusCode, extended.json()], [401, { code: 'FST_SESSION_TIMEOUT_ENDED', message: 'The session ended because of inactivity' }])
      t.match((await browser.get(url, own)).json(), { active: false, ended: 'idle' }, 'the page is told why')
      const head = await browser.request({ method: 'HEAD', url, headers: own })
      t.match([head.statusCode, head.body], [200, ''])
      const client = await browser.get(`${url}/client.js`)
      t.match([client.statusCode, client.headers['content-type']], [200, 'text/javascript; charset=utf-8'])
      const again = await browser.get(`${url}/client.js`, { 'if-none-match': String(client.headers.etag) })
      t.equal(again.statusCode, 304)
      for (const file of ['display.js', 'languages/de.json', 'resumed']) t.equal((await browser.get(`${url}/${file}`)).statusCode, 200, file)
      const out = await browser.request({ method: 'DELETE', url, headers: own })
      t.match([out.statusCode, out.setCookies], [204, [/^sessionId=; Max-Age=0/]])
      t.same(warnings(), [])
    })
  }
}

for (const stage of ['preValidation', 'preHandler'] as const) {
  t.test(`a guard in ${stage} does not reach it where the guard was registered first, either`, async t => {
    const { browser, clock, warnings } = await openSite(t, { before: app => { app.addHook(stage, guard(guards['a redirect']!)) } })
    clock.tick(30 * minute)
    t.match((await browser.get(url)).json(), { active: false, ended: 'idle' })
    t.same(warnings(), [])
  })
}

t.test('a guard of routes, put there by a hook, does not reach it', async t => {
  const { browser, clock, warnings } = await openSite(t, {
    before: app => {
      app.addHook('onRoute', route => { route.onRequest = [route.onRequest ?? [], guard(guards['a redirect']!) as never].flat() })
    }
  })
  clock.tick(30 * minute)
  t.match((await browser.get(url)).json(), { active: false, ended: 'idle' })
  t.same(warnings(), [])
})

t.test('a guard does not reach the endpoint with a prefix, or without HEAD routes', async t => {
  const { browser, clock, warnings } = await openSite(t, {
    server: { exposeHeadRoutes: false },
    timeout: { user: session => session.userId, endpoint: url, ...{ prefix: '/app' } },
    routes: app => { app.addHook('onRequest', guard(guards['a redirect']!)) }
  })
  clock.tick(30 * minute)
  t.match((await browser.get(`/app${url}`)).json(), { active: false, ended: 'idle' })
  t.equal((await browser.request({ method: 'HEAD', url: `/app${url}` })).statusCode, 200)
  t.same(warnings(), [])
})

t.test('a guard does not reach the endpoint in a scope, if it is registered later around that scope', async t => {
  const { app } = await buildApp(t, {
    timeout: false,
    routes: app => {
      app.register(async scope => { await scope.register(sessionTimeout, { user: session => session.userId, endpoint: url }) }, { prefix: '/app' })
      app.addHook('onRequest', guard(guards['a redirect']!))
    }
  })
  t.equal((await createBrowser(app).get('/me')).headers.location, '/login')
  t.match((await createBrowser(app).get(`/app${url}`)).json(), { active: false })
})

t.test('what the application does with an ended session stays: a page of it meets the guard', async t => {
  const { browser, clock } = await openSite(t, { routes: app => { app.addHook('onRequest', guard(guards['a redirect']!)) } })
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).headers.location, '/login')
})

t.test('a page of another origin may need what later hooks put into the answer', async t => {
  const { browser } = await openSite(t, {
    timeout: { user: session => session.userId, endpoint: url, trustedOrigins: ['https://app.example'] },
    routes: app => {
      app.addHook('onRequest', async (request, reply) => { reply.header('access-control-allow-origin', String(request.headers.origin)) })
    }
  })
  const origin = 'https://app.example'
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    const page = await browser.request({ method, url, headers: { origin, 'sec-fetch-site': 'same-site' } })
    t.equal(page.headers['access-control-allow-origin'], origin, method)
  }
})

t.test('other sites are refused as ever', async t => {
  const { browser } = await openSite(t, { routes: app => { app.addHook('onRequest', async () => {}) } })
  for (const method of ['POST', 'DELETE'] as const) {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
      t.equal((await browser.request({ method, url, headers })).statusCode, 403)
    }
  }
  t.match((await browser.get('/me')).json(), { userId: 'ada' })
})

const advice = ": pages cannot learn from it how their session is. Let that hook pass where request.routeOptions.url is '/session-timeout', or register it after this plugin"

for (const [kind, answer] of Object.entries(guards)) {
  t.test(`${kind} of a guard that comes before the plugin is warned of once, with what to do`, async t => {
    const { browser, clock, warnings } = await openSite(t, {
      beforeTimeout: app => { app.addHook('preParsing', async () => {}).addHook('onRequest', guard(answer)) }
    })
    t.equal((await browser.get(url)).statusCode, 200)
    t.same(warnings(), [])
    await browser.post('/sign-out')
    const { statusCode } = await browser.get(url)
    await browser.get(url)
    await browser.post(url)
    t.same(warnings(), [`fastify-session-timeout: GET /session-timeout was answered with ${statusCode} by a hook of the application${advice}`])
    clock.tick(1)
  })
}

t.test('a guard that refuses a user who is signed in is warned of, too', async t => {
  const { browser, warnings } = await openSite(t, {
    routes: app => { app.addHook('preHandler', async (request, reply) => request.method === 'POST' && !request.url.startsWith('/sign') ? reply.code(403).send('no token') : undefined) }
  })
  t.equal((await browser.post(url, {}, own)).statusCode, 403)
  t.same(warnings(), [`fastify-session-timeout: POST /session-timeout was answered with 403 by a hook of the application${advice}`])
})

t.test('an error handler that redirects refused requests to the sign-in page is warned of', async t => {
  const { browser, clock, warnings } = await openSite(t, {
    before: app => { app.setErrorHandler((_error, _request, reply) => reply.redirect('/login')) }
  })
  clock.tick(30 * minute)
  t.equal((await browser.post(url, {}, own)).statusCode, 302)
  t.same(warnings(), ['fastify-session-timeout: POST /session-timeout was answered with 302 by the error handler of the application: pages cannot learn from it how their session is. ' +
    'Let it send errors whose code begins with FST_SESSION_TIMEOUT as they are'])
})

t.test('a hook that answers 429 or 5xx is not warned of as a guard', async t => {
  const { browser, app, warnings } = await openSite(t, {
    beforeTimeout: app => {
      app.addHook('onRequest', async (request, reply) => {
        const status = Number(request.headers['x-status'] ?? 0)
        return status > 0 ? reply.code(status).send('busy') : undefined
      })
    }
  })
  for (const status of ['429', '503', '500']) t.equal((await browser.get(url, { 'x-status': status })).statusCode, Number(status))
  t.equal((await browser.post(url, '{', { 'content-type': 'application/json' })).statusCode, 400)
  t.equal((await browser.post(url, 'x'.repeat(5000), { 'content-type': 'application/json' })).statusCode, 413)
  t.equal((await browser.post(url, {}, { origin: 'https://evil.example' })).statusCode, 403)
  t.equal((await browser.get(`${url}/languages/xx.json`)).statusCode, 404)
  t.equal((await app.inject({ method: 'OPTIONS', url })).statusCode, 404)
  t.same(warnings(), [])
})
