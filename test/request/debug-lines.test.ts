import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { isDebugged, sentences } from '../../lib/session/decisions.js'
import { buildApp, signedIn, type AppOptions, type LogLine } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { root } from '../helpers/root.js'
import { openTwins } from '../helpers/scene.js'
import { FaultyStore, JsonStore, SharedStore } from '../helpers/stores.js'
import { hour, minute, second } from '../helpers/time.js'

const times = { idleTimeout: 30 * minute, absoluteTimeout: 24 * hour }

interface Site {
  app: FastifyInstance
  browser: Browser
  clock: FakeClock
  /** The lines of the plugin since the last call. */
  lines (): LogLine[]
  /** Their sentences. */
  said (): string[]
}

async function openSite (t: Test, { timeout, ...options }: AppOptions = {}): Promise<Site> {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, {
    ...options,
    timeout: { user: session => session.userId, endpoint: '/session-timeout', ...timeout }
  })
  app.log.level = 'debug'
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  let seen = logs.length
  const lines = (): LogLine[] => {
    const fresh = logs.slice(seen).filter(({ level, msg }) => level === 20 && msg.startsWith('session '))
    seen = logs.length
    return fresh
  }
  return { app, browser, clock, lines, said: () => lines().map(({ msg }) => msg) }
}

t.test('each request says what was decided of its session, and by which times', async t => {
  const { browser, clock, lines } = await openSite(t)
  clock.tick(10 * second)
  await browser.get('/me')
  t.match(lines(), [{ msg: 'session live: the last activity is stored, and younger than touchInterval', idleFor: 10 * second, age: 10 * second, ...times }])
  clock.tick(20 * minute)
  await browser.get('/me')
  t.match(lines(), [{ msg: 'session live: the activity is stored', idleFor: 20 * minute + 10 * second, age: 20 * minute + 10 * second, ...times }])
  clock.tick(30 * minute)
  await browser.get('/me')
  t.match(lines(), [{ msg: 'session ended: idle for idleTimeout', idleFor: 30 * minute, age: 50 * minute + 10 * second, ...times }])
  await browser.get('/me')
  t.same(lines(), [], 'a visitor has no session to speak of')
})

t.test('a session says that its user was signed out everywhere', async t => {
  const { app, browser, lines } = await openSite(t)
  await app.sessionTimeout.endAll('ada')
  await browser.get('/me')
  t.match(lines(), [{ msg: 'session ended', reason: 'revoked' }, { msg: 'session ended: its user was signed out everywhere' }])
})

t.test('a request that is no activity has its reason in the debug line', async t => {
  const { browser, clock, said } = await openSite(t, {
    timeout: { countsAsActivity: request => request.url !== '/poll' },
    routes: app => {
      app.get('/poll', async () => '')
      app.get('/status', { config: { sessionTimeout: { countsAsActivity: false } } }, async () => '')
      app.get('/health', { config: { sessionTimeout: false } }, async () => '')
    }
  })
  clock.tick(5 * minute)
  await browser.get('/poll')
  await browser.get('/status')
  await browser.get('/me', { 'sec-purpose': 'prefetch' })
  await browser.get('/me', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })
  await browser.get('/health')
  t.same(said(), [
    'session live: the request is no activity, by its route or by countsAsActivity',
    'session live: the request is no activity, by its route or by countsAsActivity',
    'session live: the request is no activity, but a prefetch',
    'session live: the request is no activity, since another site made it',
    'session not checked: the route has sessionTimeout: false'
  ])
})

t.test('a session without a user has its reason in the debug line', async t => {
  const { browser, said } = await openSite(t, {
    routes: app => { app.post('/cart', async request => { request.session.cart = ['apples'] }) }
  })
  const visitor = browser.clone()
  await visitor.post('/sign-out')
  await visitor.post('/cart')
  said()
  await visitor.get('/me')
  t.same(said(), ['session not timed: it has no user, or appliesTo says no'])
})

t.test('where appliesTo may contradict itself, a session that it denies is untimed until a clock is found', async t => {
  const { browser, clock, said } = await openSite(t, {
    timeout: { appliesTo: request => request.session.role !== 'guest' },
    routes: app => { app.post('/guest', async request => { request.session.role = 'guest' }) }
  })
  await browser.post('/guest')
  said()
  await browser.get('/me')
  clock.tick(2 * minute)
  await browser.get('/me')
  t.same(said(), Array(2).fill('session not timed: it has no user, or appliesTo says no'))
})

t.test('touch(), restart(), a browser that reports, and a sign-in that is too old', async t => {
  const { browser, clock, lines, said } = await openSite(t, {
    routes: app => {
      const passive = { config: { sessionTimeout: { countsAsActivity: false } } }
      app.post('/touch', passive, async request => { await request.sessionTimeout.touch() })
      app.post('/restart', passive, async request => { await request.sessionTimeout.restart() })
      app.get('/keys', { config: { sessionTimeout: { signedInWithin: '10m' } } }, async () => 'keys')
    }
  })
  clock.tick(20 * minute)
  await browser.post('/session-timeout', { idleFor: minute })
  t.match(lines().at(-1), { msg: 'session live: the activity is stored', idleFor: 20 * minute })
  await browser.post('/session-timeout', { idleFor: minute })
  t.match(lines().at(-1), { msg: 'session live: the last activity is stored, and younger than touchInterval' })
  await browser.post('/touch')
  t.equal(said().at(-1), 'session live: the activity is stored')
  t.equal((await browser.get('/keys')).statusCode, 401)
  t.equal(said().at(-1), 'session live: it began too long ago for signedInWithin')
  await browser.post('/restart')
  t.match(lines().at(-1), { msg: 'session restarted: both clocks begin now', age: 20 * minute })
})

t.test('every end that is no timeout has a debug line with its reason', async t => {
  const { app, browser, lines, said } = await openSite(t, {
    routes: app => {
      app.post<{ Querystring: { id: string } }>('/revoke', async request => app.sessionTimeout.end(request.query.id))
    }
  })
  const cookie = browser.clone()
  const { sessionId } = (await browser.get('/me')).json()
  said()
  await createBrowser(app).post(`/revoke?id=${sessionId}`)
  t.match(lines(), [{ msg: 'session ended', reason: 'revoked', idleFor: 0 }])
  await cookie.get('/me')
  t.same(said(), ['session missing: the store has none for this cookie'])
  await cookie.post('/sign-in')
  said()
  await cookie.post('/sign-out')
  t.match(lines().at(-1), { msg: 'session ended', reason: 'signed-out' })
})

t.test('a session that a sibling ended says so to both', async t => {
  const { browser, clock, said } = await openSite(t)
  clock.tick(30 * minute)
  const pages = await Promise.all([browser.clone().get('/me'), browser.clone().get('/me')])
  t.same(pages.map(({ statusCode }) => statusCode), [200, 200])
  t.same(said().sort(), ['session ended: idle for idleTimeout', 'session over: it had ended already'])
  await browser.clone().get('/me')
  t.same(said(), ['session over: it had ended already'])
})

t.test('a session that was extended elsewhere is kept', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const { here, there } = await openTwins(t, [new SharedStore(data), new SharedStore(data)], { timeout: { touchInterval: 0 } })
  here.app.log.level = 'debug'
  await here.browser.get('/me')
  clock.tick(20 * minute)
  await there.browser.get('/me')
  clock.tick(10 * minute)
  await here.browser.get('/me')
  t.match(here.logs.filter(({ msg }) => msg.startsWith('session live')).at(-2), { msg: 'session live: another request had extended it', idleFor: 10 * minute })
})

t.test('a touch that the store refuses', async t => {
  const store = new FaultyStore(new JsonStore())
  const { browser, clock, said } = await openSite(t, { session: { store } })
  clock.tick(5 * minute)
  store.always.set = 'error'
  await browser.get('/me')
  t.ok(said().includes('session live: the activity is not stored, since the store failed'))
})

t.test('the level counts as it is at that request, also that of a route', async t => {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => { app.get('/loud', { logLevel: 'debug' }, async () => '') }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const debug = (): string[] => logs.filter(({ level }) => level === 20).map(({ msg }) => msg)
  await browser.get('/me')
  t.same(debug(), [])
  await browser.get('/loud')
  t.same(debug(), ['session live: the last activity is stored, and younger than touchInterval'])
  app.log.level = 'debug'
  clock.tick(1)
  await browser.get('/me')
  t.equal(debug().length, 2)
})

t.test('a hand-written logger, which cannot be asked about a level, is asked for its own', async t => {
  const loggers = ['trace', 'debug', 'info', 'silent'].map(level => ({ level }) as FastifyBaseLogger)
  t.same(loggers.map(isDebugged), [true, true, false, false])
  t.notOk(isDebugged({} as FastifyBaseLogger), 'as Fastify has one without the option logger')
})

t.test('no line holds an id, a cookie or what the session holds', async t => {
  const { browser, clock, lines } = await openSite(t)
  const { sessionId } = (await browser.get('/me')).json()
  clock.tick(5 * minute)
  await browser.get('/me')
  clock.tick(30 * minute)
  await browser.get('/me')
  await browser.post('/sign-in')
  await browser.post('/sign-out')
  const text = JSON.stringify(lines())
  t.ok(text.length > 500)
  for (const secret of [sessionId, 'ada']) t.notOk(text.includes(secret))
})

t.test('docs/troubleshooting.md names every sentence', async t => {
  const page = readFileSync(new URL('docs/troubleshooting.md', root), 'utf8')
  for (const sentence of Object.values(sentences)) {
    const [, no, other] = /^(live: the request is no activity), (but|since) /.exec(sentence) ?? []
    t.ok(page.includes(`\`session ${no === undefined ? sentence : no}`) && (other === undefined || page.includes(`\`${sentence.slice(no!.length + 2)}\``)), sentence)
  }
})
