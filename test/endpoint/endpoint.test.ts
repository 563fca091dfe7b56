import t from 'tap'
import { buildApp, signedIn, type AppOptions, type TestApp } from '../helpers/app.js'
import { createBrowser, navigation, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

const url = '/session-timeout'

interface Setting {
  clock: FakeClock
  store: JsonStore
  browser: Browser
  app: TestApp['app']
}

async function open (t: Parameters<typeof buildApp>[0], timeout: AppOptions['timeout'] = {}, options: AppOptions = {}): Promise<Setting> {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { ...options, session: { store, ...options.session }, timeout: { appliesTo: signedIn, endpoint: url, ...timeout } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  return { clock, store, browser, app }
}

const nothing = { active: false, remaining: null, idleRemaining: null, absoluteRemaining: null, warnBefore: 2 * minute, canExtend: false, ended: null, yours: true, page: null }

function extend (browser: Browser, body?: object, headers: Record<string, string> = {}): Promise<Page> {
  return browser.post(url, body, headers)
}

t.test('GET says how long the session has, in relative times, and extends nothing', async t => {
  const { clock, store, browser } = await open(t)
  const before = { ...store.counts }
  clock.tick(10 * minute)
  const page = await browser.get(url)
  t.equal(page.statusCode, 200)
  t.same(page.json(), { active: true, remaining: 20 * minute, idleRemaining: 20 * minute, absoluteRemaining: 24 * hour - 10 * minute, warnBefore: 2 * minute, canExtend: true, ended: null, yours: true, page: page.json().page })
  t.match(page.json().page, /^[\w-]{30,}$/, 'a tag for a page that has none')
  t.equal(page.headers['cache-control'], 'no-store')
  t.same(page.setCookies, [])
  t.equal(store.counts.set, before.set)
})

t.test('GET without a session creates none', async t => {
  const { app, store } = await open(t, {}, { session: { saveUninitialized: false } })
  const { set } = store.counts
  for (const cookie of [undefined, 'stale.cookie']) {
    const browser = createBrowser(app)
    if (cookie !== undefined) browser.setCookie('sessionId', cookie)
    const page = await browser.get(url)
    t.equal(page.statusCode, 200)
    t.same(page.json(), { ...nothing, ended: cookie === undefined ? null : 'missing' })
  }
  t.equal(store.counts.set, set)
})

t.test('GET after the end says why, whatever pages get', async t => {
  for (const afterTimeout of ['continue', 'unauthorized', { redirectTo: '/login' }] as const) {
    await t.test(JSON.stringify(afterTimeout), async t => {
      const { clock, store, browser } = await open(t, { afterTimeout }, { flash: true })
      clock.tick(30 * minute)
      const stale = browser.clone()
      const page = await browser.get(url)
      t.equal(page.statusCode, 200)
      t.same(page.json(), { ...nothing, ended: 'idle' })
      t.same((await stale.get(url)).json(), { ...nothing, ended: 'idle' }, 'the next one too')
      t.same(store.sessions(), [])
    })
  }
})

t.test('HEAD answers as GET, without a body', async t => {
  const { browser } = await open(t)
  for (const path of [url, `${url}/client.js`, `${url}/display.js`]) {
    const page = await browser.request({ method: 'HEAD', url: path })
    t.equal(page.statusCode, 200)
    t.equal(page.body, '')
  }
})

t.test('the status has null for limits that are not set', async t => {
  await t.test('no idle limit', async t => {
    const { browser } = await open(t, { idleTimeout: false })
    t.match((await browser.get(url)).json(), { active: true, remaining: 24 * hour, idleRemaining: null, absoluteRemaining: 24 * hour, canExtend: false })
  })
  await t.test('no absolute limit', async t => {
    const { browser } = await open(t, { absoluteTimeout: false })
    t.match((await browser.get(url)).json(), { active: true, remaining: 30 * minute, idleRemaining: 30 * minute, absoluteRemaining: null, canExtend: true })
  })
})

t.test('near the absolute limit nothing can be extended', async t => {
  const { clock, browser } = await open(t, { absoluteTimeout: '40m' })
  clock.tick(20 * minute)
  t.match((await extend(browser)).json(), { active: true, remaining: 20 * minute, idleRemaining: 30 * minute, absoluteRemaining: 20 * minute, canExtend: false })
})

t.test('POST extends', async t => {
  const { clock, store, browser } = await open(t)
  clock.tick(20 * minute)
  for (const body of [undefined, {}]) {
    const page = await extend(browser, body)
    t.equal(page.statusCode, 200)
    t.match(page.json(), { active: true, remaining: 30 * minute, ended: null })
    t.equal(page.headers['cache-control'], 'no-store')
    t.equal(page.setCookies.length, 1)
    t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { lastActivity: clock.now() } })
    clock.tick(20 * minute)
  }
})

t.test('POST never extends past the absolute deadline', async t => {
  const { clock, browser } = await open(t, { absoluteTimeout: '40m' })
  for (let i = 0; i < 3; i++) {
    clock.tick(10 * minute)
    await extend(browser)
  }
  clock.tick(10 * minute)
  t.equal((await extend(browser)).statusCode, 401)
})

t.test('POST is throttled like any activity', async t => {
  const { clock, store, browser } = await open(t)
  const { set } = store.counts
  clock.tick(minute - 1)
  t.match((await extend(browser)).json(), { remaining: 29 * minute + 1 })
  t.equal(store.counts.set, set)
})

t.test('POST where nothing is live is a 401 and revives nothing', async t => {
  const { clock, store, browser, app } = await open(t, { afterTimeout: { redirectTo: '/login' } })
  t.match((await extend(createBrowser(app))).json(), { statusCode: 401, code: 'FST_SESSION_TIMEOUT_ENDED' })
  clock.tick(30 * minute)
  for (const body of [undefined, { idleFor: 29 * minute }, { idleFor: 0 }]) {
    const late = browser.clone()
    const page = await extend(late, body)
    t.equal(page.statusCode, 401)
    t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_ENDED', message: 'The session ended because of inactivity' })
    t.match(page.headers, { 'www-authenticate': 'Session', 'cache-control': 'no-store' })
    t.same(page.setCookies, [])
    t.same((await late.get(url)).json(), { ...nothing, ended: 'idle' }, 'who is refused can ask for the reason')
  }
  t.equal((await browser.clone().request({ method: 'POST', url, headers: navigation })).statusCode, 401, 'no redirect either')
  t.same(store.sessions(), [])
})

t.test('POST for a session that is not timed is a 401', async t => {
  const { app } = await open(t, {}, { routes: app => { app.post('/cart', async request => { request.session.cart = [] }) } })
  const browser = createBrowser(app)
  await browser.post('/cart')
  t.match((await extend(browser)).json(), { code: 'FST_SESSION_TIMEOUT_ENDED', message: 'There is no such session, or it has ended' })
})

t.test('idleFor moves the last activity forward only, and never past now', async t => {
  const { clock, store, browser } = await open(t)
  const startedAt = clock.now()
  clock.tick(20 * minute)
  t.match((await extend(browser, { idleFor: 5 * minute })).json(), { remaining: 25 * minute }, 'five minutes ago')
  t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { startedAt, lastActivity: startedAt + 15 * minute } })
  t.match((await extend(browser, { idleFor: 10 * minute })).json(), { remaining: 25 * minute }, 'not back')
  t.match((await extend(browser, { idleFor: 1e15 })).json(), { remaining: 25 * minute }, 'nor far back')
  t.match((await extend(browser, { idleFor: 0 })).json(), { remaining: 30 * minute }, 'now')
})

t.test('an idleFor that is no such number is a 400 and extends nothing', async t => {
  const { clock, store, browser } = await open(t)
  clock.tick(20 * minute)
  const { set } = store.counts
  for (const idleFor of [-1, -1e-9, 'soon', '', [], [1], {}, '-5', 'NaN', 'Infinity']) {
    const page = await extend(browser, { idleFor })
    t.equal(page.statusCode, 400, JSON.stringify(idleFor))
  }
  for (const payload of ['[]', '{"idleFor":[]}', '"x"', '5', 'true', '{', '{"idleFor":NaN}', '{"idleFor":1e999}']) {
    const page = await browser.request({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } })
    t.equal(page.statusCode, 400, payload)
  }
  t.equal(store.counts.set, set)
})

t.test('DELETE signs out: the session destroyed, the cookie cleared', async t => {
  const { store, browser } = await open(t)
  const stale = browser.clone()
  const page = await browser.request({ method: 'DELETE', url })
  t.equal(page.statusCode, 204)
  t.equal(page.body, '')
  t.equal(page.headers['cache-control'], 'no-store')
  t.match(page.setCookies, [/^sessionId=; .*Expires=Thu, 01 Jan 1970 00:00:00 GMT/])
  t.equal(page.setCookies.length, 1)
  t.equal(browser.cookie('sessionId'), undefined)
  t.same(store.sessions(), [])
  t.match((await stale.get('/me')).json(), { userId: null, ended: 'missing' })
})

t.test('DELETE clears the cookie with the attributes it was set with', async t => {
  const { app } = await open(t, {}, { server: { trustProxy: true }, session: { cookieName: 'sessionId', cookie: { domain: 'example.com', secure: true, sameSite: 'strict', partitioned: true } } })
  const https = { 'x-forwarded-proto': 'https' }
  const browser = createBrowser(app)
  await browser.post('/sign-in', undefined, https)
  t.match((await browser.request({ method: 'DELETE', url, headers: https })).setCookies, [/^sessionId=; Max-Age=0; Domain=example\.com; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; SameSite=Strict$/])
})

t.test('DELETE without a session, or after its end, is a 204 that stores nothing', async t => {
  const { clock, store, browser, app } = await open(t, { afterTimeout: 'unauthorized' })
  t.equal((await createBrowser(app).request({ method: 'DELETE', url })).statusCode, 204)
  clock.tick(30 * minute)
  t.equal((await browser.request({ method: 'DELETE', url })).statusCode, 204)
  t.same(store.sessions(), [])
})

t.test('DELETE outside the path of the cookie has nothing to end', async t => {
  const { app } = await buildApp(t, { session: { cookie: { path: '/app' } }, timeout: { endpoint: url } })
  const page = await createBrowser(app).request({ method: 'DELETE', url })
  t.equal(page.statusCode, 204)
  t.same(page.setCookies, [])
  t.same((await createBrowser(app).get(url)).json(), nothing)
})

t.test('DELETE that the store refuses is a 503, and the cookie stays', async t => {
  const store = new FaultyStore(new JsonStore())
  const { app } = await buildApp(t, { session: { store }, timeout: { endpoint: url } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  store.plan.destroy.push('error')
  const page = await browser.request({ method: 'DELETE', url })
  t.equal(page.statusCode, 503)
  t.equal(page.json().code, 'FST_SESSION_TIMEOUT_STORE')
  t.ok(browser.cookie('sessionId'))
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('cross-site callers may neither extend nor end a session', async t => {
  const { clock, store, browser } = await open(t)
  clock.tick(20 * minute)
  const { set } = store.counts
  const refused: Array<Record<string, string>> = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:80' },
    { 'sec-fetch-site': 'something-new' },
    { 'sec-fetch-site': '' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'rubbish' },
    { origin: '' },
    { origin: 'http://localhost:81' },
    { origin: 'http://localhost.evil.example' }
  ]
  for (const headers of refused) {
    for (const method of ['POST', 'DELETE'] as const) {
      const page = await browser.request({ method, url, headers })
      t.equal(page.statusCode, 403, `${method} ${JSON.stringify(headers)}`)
      const origin = 'origin' in headers ? `${headers.origin} is not this site's origin` : 'this one has no Origin'
      t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_FORBIDDEN', message: `Cross-site requests may not extend or end a session: ${origin}, nor in trustedOrigins` })
    }
  }
  t.equal(store.counts.set, set)
  t.equal(store.sessions().length, 1)
})

t.test('callers of the same origin may, and those that are no browsers', async t => {
  const { browser } = await open(t, {}, { server: { trustProxy: true } })
  const allowed: Array<Record<string, string>> = [
    {},
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', origin: 'https://behind-a-proxy.example' },
    { origin: 'http://localhost' },
    { origin: 'https://localhost' },
    { origin: 'https://shop.example', host: 'shop.example' },
    { origin: 'https://shop.example:8443', host: 'shop.example:8443' },
    { origin: 'https://shop.example', 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' },
    { origin: 'https://shop.example', host: 'shop.example:443', 'x-forwarded-proto': 'https' }
  ]
  for (const headers of allowed) t.equal((await extend(browser, {}, headers)).statusCode, 200, JSON.stringify(headers))
  t.equal((await browser.request({ method: 'DELETE', url, headers: { 'sec-fetch-site': 'same-origin' } })).statusCode, 204)
})

t.test('reading the status is open to everybody who has the cookie', async t => {
  const { browser } = await open(t)
  t.equal((await browser.get(url, { 'sec-fetch-site': 'cross-site' })).statusCode, 200)
})

t.test('every response of a live, timed session carries the time left', async t => {
  const { clock, browser, app } = await open(t, {}, {
    routes: app => {
      app.get('/timed', async (_request, reply) => { reply.header('server-timing', 'db;dur=5') })
      app.get('/throw', async () => { throw new Error('broken') })
      app.get('/free', { config: { sessionTimeout: false } }, async () => 'free')
      app.post('/cart', async request => { request.session.cart = [] })
    }
  })
  t.match((await createBrowser(app).post('/sign-in')).headers['server-timing'], `session-timeout;dur=${30 * minute}`, 'that of the sign-in')
  clock.tick(30_000)
  for (const path of ['/me', url, '/throw', '/nowhere']) t.equal((await browser.get(path)).headers['server-timing'], `session-timeout;dur=${30 * minute - 30_000}`, path)
  t.equal((await browser.get('/timed')).headers['server-timing'], `db;dur=5, session-timeout;dur=${30 * minute - 30_000}`)
  t.equal((await browser.get('/free')).headers['server-timing'], undefined)
  const visitor = createBrowser(app)
  for (const page of [await visitor.get('/me'), await visitor.post('/cart'), await visitor.get('/me'), await browser.clone().post('/sign-out')]) t.equal(page.headers['server-timing'], undefined)
})

t.test('without an endpoint nothing is served and nothing is told', async t => {
  const { app } = await buildApp(t)
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.equal((await browser.get('/me')).headers['server-timing'], undefined)
  t.equal((await browser.get(url)).statusCode, 404)
})

t.test('the compilers of the application, for whatever kind of schema, are not asked', async t => {
  const { browser } = await open(t, {}, {
    before: app => {
      app.setValidatorCompiler(() => () => { throw new Error('no JSON Schema here') })
      app.setSerializerCompiler(() => () => { throw new Error('no JSON Schema here') })
    }
  })
  t.match((await browser.get(url)).json(), { active: true })
  t.equal((await extend(browser, { idleFor: 1 })).statusCode, 200)
  t.equal((await extend(browser, { idleFor: '1' })).statusCode, 400)
  t.equal((await browser.request({ method: 'DELETE', url })).statusCode, 204)
})

t.test('every route has a schema, for generators of API documents', async t => {
  const routes: Record<string, unknown> = {}
  await buildApp(t, {
    timeout: { endpoint: url },
    before: app => { app.addHook('onRoute', ({ method, path, schema }) => { if (path.startsWith(url)) routes[`${String(method)} ${path}`] = schema }) }
  })
  t.same(Object.keys(routes).toSorted(), [`DELETE ${url}`, `GET ${url}`, `GET ${url}/client.js`, `GET ${url}/display.js`, `GET ${url}/languages/:language.json`, `GET ${url}/resumed`, `HEAD ${url}`, `HEAD ${url}/client.js`, `HEAD ${url}/display.js`, `HEAD ${url}/languages/:language.json`, `HEAD ${url}/resumed`, `POST ${url}`])
  for (const [name, schema] of Object.entries(routes)) t.type(schema, 'object', name)
})

t.test('the client is JavaScript with a tag, asked for anew at every load', async t => {
  const { browser } = await open(t, { afterTimeout: { redirectTo: '/login' } })
  const page = await browser.get(`${url}/client.js`)
  t.equal(page.statusCode, 200)
  t.match(page.headers, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff', etag: /^"[\w-]{27}"$/ })
  t.notMatch(page.body, '__SESSION_TIMEOUT_CONFIG__')
  t.match(page.body, '"redirectTo":"/login"')
  t.match(page.body, '"touchInterval":60000')
  t.same(page.setCookies, [])

  const tag = page.headers.etag as string
  for (const header of [tag, `W/${tag}`, `"other", ${tag}`]) {
    const again = await browser.get(`${url}/client.js`, { 'if-none-match': header })
    t.equal(again.statusCode, 304, header)
    t.equal(again.body, '')
    t.equal(again.headers.etag, tag)
  }
  t.equal((await browser.get(`${url}/client.js`, { 'if-none-match': '"other"' })).statusCode, 200)
})

t.test('the display file is JavaScript with a tag, asked for anew at every load', async t => {
  const { browser } = await open(t)
  t.match((await browser.get(`${url}/client.js`)).body, 'import(`./display.js')
  const page = await browser.get(`${url}/display.js`)
  t.match(page.headers, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff', etag: /^"[\w-]{27}"$/ })
  t.match(page.body, /export\{\w+ as createDisplay\}/)
  t.same(page.setCookies, [])
})

t.test('the client is served whatever has become of the session', async t => {
  const { clock, browser } = await open(t, { afterTimeout: { redirectTo: '/login' } })
  clock.tick(30 * minute)
  t.equal((await browser.request({ url: `${url}/client.js`, headers: navigation })).statusCode, 200)
})

t.test('the client differs with the policy, and so does its tag', async t => {
  const tags = new Set<unknown>()
  for (const timeout of [{}, { idleTimeout: '5m' }, { idleTimeout: () => '5m' }, { afterTimeout: { redirectTo: '/$&' } }] as const) {
    const { app } = await buildApp(t, { timeout: { endpoint: url, ...timeout } })
    const page = await app.inject(`${url}/client.js`)
    tags.add(page.headers.etag)
    if ('afterTimeout' in timeout) t.match(page.body, '"redirectTo":"/$&"', 'nothing in it is taken for a pattern')
    if (typeof (timeout as { idleTimeout?: unknown }).idleTimeout === 'function') t.notMatch(page.body, '"touchInterval"')
  }
  t.equal(tags.size, 4)
})
