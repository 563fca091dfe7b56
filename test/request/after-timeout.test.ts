import t from 'tap'
import type { AfterTimeout } from '../../index.js'
import { buildApp, routing, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, navigation, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const routes: NonNullable<AppOptions['routes']> = app => {
  app.get('/page', async () => '<h1>page</h1>')
  app.post('/page', async () => 'posted')
  app.get('/login', async () => 'sign in')
  app.get('/pages/:id', async () => 'a page')
}

/** A user who has been away for too long. */
async function away (t: Parameters<typeof buildApp>[0], afterTimeout: AfterTimeout, options: AppOptions = {}): Promise<Browser> {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { routes, ...options, timeout: { appliesTo: signedIn, afterTimeout } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  return browser
}

t.test("'continue' lets the request go on, anonymous", async t => {
  const browser = await away(t, 'continue')
  const page = await browser.get('/me')
  t.equal(page.statusCode, 200)
  t.match(page.json(), { userId: null, ended: 'idle' })
  t.equal(page.headers['cache-control'], undefined)
  t.match((await browser.get('/me')).json(), { ended: null }, 'the browser has dropped the cookie')
})

t.test("'unauthorized' is a 401 with code, WWW-Authenticate and no-store: no HTML, no redirect, no session", async t => {
  const store = new CountingStore(new JsonStore())
  const browser = await away(t, 'unauthorized', { session: { store }, flash: true })
  const { set } = store.counts
  for (const headers of [{}, { accept: 'application/json' }, { accept: 'application/json', 'sec-fetch-mode': 'cors' }]) {
    const page = await browser.clone().get('/me', headers)
    t.equal(page.statusCode, 401)
    t.same(page.json(), { statusCode: 401, code: 'FST_SESSION_TIMEOUT_ENDED', error: 'Unauthorized', message: 'The session ended because of inactivity' })
    t.match(page.headers, { 'www-authenticate': 'Session', 'cache-control': 'no-store', 'content-type': /^application\/json/ })
    t.equal(page.headers.location, undefined)
    t.notOk(page.setCookies.some(line => !line.startsWith('sessionId=;')))
  }
  t.equal(store.counts.set - set, 1, 'nothing but the mark of the end')
})

t.test('the 401 of the absolute limit says so', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h', afterTimeout: 'unauthorized' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(60 * minute)
  t.equal((await browser.get('/me')).json().message, 'The session reached its longest permitted life')
})

t.test('the 401 goes through the error handler of the application', async t => {
  const browser = await away(t, 'unauthorized', {
    routes: app => {
      app.setErrorHandler((error, request, reply) => {
        const { code, reason } = error as Error & { code: string, reason: string }
        return reply.code(401).send({ code, reason, userId: request.session.userId ?? null, ended: request.sessionTimeout.ended })
      })
    }
  })
  t.same((await browser.get('/me')).json(), { code: 'FST_SESSION_TIMEOUT_ENDED', reason: 'idle', userId: null, ended: 'idle' })
})

t.test('a navigation is redirected with 303, the way back and the reason', async t => {
  const browser = await away(t, { redirectTo: '/login' })
  const page = await browser.request({ url: '/page?a=1&b=%2F', headers: navigation })
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, '/login?returnTo=%2Fpage%3Fa%3D1%26b%3D%252F&reason=idle')
  t.equal(page.headers['cache-control'], 'no-store')
  t.equal(page.headers['www-authenticate'], undefined)
})

t.test('navigations are recognised by their headers', async t => {
  const browser = await away(t, { redirectTo: '/login' })
  const rows: Array<[number, string, Record<string, string>]> = [
    [303, 'GET', { 'sec-fetch-mode': 'navigate' }],
    [303, 'POST', { 'sec-fetch-mode': 'navigate' }],
    [303, 'GET', { accept: 'text/html,application/xhtml+xml' }],
    [303, 'HEAD', { accept: 'text/html' }],
    [401, 'POST', { accept: 'text/html' }],
    [401, 'GET', { accept: '*/*' }],
    [401, 'GET', {}],
    [401, 'GET', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
    [401, 'GET', { accept: 'text/html', 'sec-fetch-mode': 'no-cors' }],
    [401, 'GET', { accept: 'application/json' }],
    [401, 'GET', { accept: 'text/html', 'hx-request': 'true' }],
    [401, 'GET', { 'x-requested-with': 'XMLHttpRequest', accept: 'application/json' }]
  ]
  for (const [status, method, headers] of rows) {
    const page = await browser.clone().request({ method: method as 'GET', url: '/page', headers })
    t.equal(page.statusCode, status, `${method} ${JSON.stringify(headers)}`)
    t.equal(page.headers.location !== undefined, status === 303)
  }
})

t.test('only a GET has a way back', async t => {
  const browser = await away(t, { redirectTo: '/login' })
  t.equal((await browser.clone().request({ method: 'POST', url: '/page', headers: navigation })).headers.location, '/login?reason=idle')
  t.equal((await browser.clone().request({ method: 'HEAD', url: '/page', headers: navigation })).headers.location, '/login?reason=idle')
})

t.test('the way back is never another site, and never from Referer', async t => {
  const browser = await away(t, { redirectTo: '/login' }, { server: routing({ ignoreDuplicateSlashes: true }) })
  const headers = { ...navigation, referer: 'https://evil.example/', origin: 'https://evil.example', 'x-forwarded-host': 'evil.example', host: 'evil.example' }
  t.equal((await browser.clone().request({ url: '/page', headers })).headers.location, '/login?returnTo=%2Fpage&reason=idle')
  for (const path of ['//evil.example/', '///page', '//page']) {
    t.equal((await browser.clone().request({ url: { pathname: path }, headers })).headers.location, '/login?reason=idle', path)
  }
})

t.test('the names of the parameters can be chosen, or left out', async t => {
  const rows: Array<[AfterTimeout, string]> = [
    [{ redirectTo: '/login', returnParam: 'next', reasonParam: 'why' }, '/login?next=%2Fpage&why=idle'],
    [{ redirectTo: '/login', returnParam: false }, '/login?reason=idle'],
    [{ redirectTo: '/login', reasonParam: false }, '/login?returnTo=%2Fpage'],
    [{ redirectTo: '/login', returnParam: false, reasonParam: false }, '/login'],
    [{ redirectTo: '/login?lang=de' }, '/login?lang=de&returnTo=%2Fpage&reason=idle'],
    [{ redirectTo: '/login#form' }, '/login?returnTo=%2Fpage&reason=idle#form'],
    [{ redirectTo: 'https://login.example/start?client=a#x' }, 'https://login.example/start?client=a&returnTo=%2Fpage&reason=idle#x']
  ]
  for (const [afterTimeout, location] of rows) {
    await t.test(location, async t => {
      const browser = await away(t, afterTimeout)
      t.equal((await browser.request({ url: '/page', headers: navigation })).headers.location, location)
    })
  }
})

t.test('an htmx request gets a 401 with HX-Redirect', async t => {
  const browser = await away(t, { redirectTo: '/login' })
  for (const headers of [{ 'hx-request': 'true' }, { 'hx-request': 'true', 'sec-fetch-mode': 'cors', accept: '*/*' }]) {
    const page = await browser.clone().get('/page', headers)
    t.equal(page.statusCode, 401)
    t.equal(page.headers['hx-redirect'], '/login?reason=idle')
    t.equal(page.headers['www-authenticate'], 'Session')
  }
  t.equal((await browser.get('/page', { accept: 'application/json' })).headers['hx-redirect'], undefined)
})

t.test('a request for the redirect target itself just continues', async t => {
  const browser = await away(t, { redirectTo: '/login?from=timeout#form' })
  for (const url of ['/login', '/login?returnTo=%2Fpage', '/login?']) {
    const page = await browser.clone().request({ url, headers: navigation })
    t.equal(page.statusCode, 200, url)
    t.equal(page.body, 'sign in')
  }
  t.equal((await browser.clone().post('/login', {}, {})).statusCode, 404, 'the form is posted there too')
})

t.test('the target is found behind a route pattern and a prefix', async t => {
  const inside: AppOptions['routes'] = async app => { await app.register(async scope => { scope.get('/login', async () => 'sign in') }, { prefix: '/account' }) }
  const browser = await away(t, { redirectTo: '/account/login' }, { routes: inside })
  t.equal((await browser.request({ url: '/account/login', headers: navigation })).body, 'sign in')
})

t.test('following the redirect ends at the sign-in page, not in a loop', async t => {
  const browser = await away(t, { redirectTo: '/login' }, { flash: true })
  const page = await browser.navigate('/page')
  t.same(page.hops, ['/login?returnTo=%2Fpage&reason=idle'])
  t.equal(page.body, 'sign in')
})

t.test('with rewriteUrl the way back is what the browser asked for', async t => {
  const browser = await away(t, { redirectTo: '/login' }, { server: { rewriteUrl: request => request.url!.replace(/^\/en\//, '/') } })
  t.equal((await browser.request({ url: '/en/page?x=1', headers: navigation })).headers.location, '/login?returnTo=%2Fen%2Fpage%3Fx%3D1&reason=idle')
})
