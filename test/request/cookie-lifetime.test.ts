import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, type Page } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { openScene } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const others = ['theme=dark; Path=/; SameSite=Lax', 'sessionId2=other; Max-Age=60; Path=/; Expires=Thu, 01 Jan 2026 12:01:00 GMT; SameSite=Lax']

function routes (extra: number): NonNullable<AppOptions['routes']> {
  return app => {
    app.addHook('onRequest', async (_request, reply) => {
      if (extra > 0) reply.setCookie('theme', 'dark', { path: '/' })
      if (extra > 1) reply.setCookie('sessionId2', 'other', { path: '/', maxAge: 60, expires: new Date(Date.UTC(2026, 0, 1, 12, 1)) })
    })
    app.get('/look', async () => 'looked')
    app.post('/change', async request => {
      request.session.views = (request.session.views ?? 0) + 1
      return 'changed'
    })
    app.get('/anonymous', async () => 'nobody')
    app.get('/throw', async () => { throw new Error('broken') })
  }
}

function named (page: Page, name: string): string[] {
  return page.setCookies.filter(line => line.startsWith(`${name}=`))
}

for (const rolling of [true, false]) {
  for (const sessionOnly of [true, false]) {
    t.test(`Set-Cookie with rolling ${rolling} and sessionOnly ${sessionOnly}, whatever the host does`, async t => {
      const clock = fakeClock(t)
      const combinations = [false, true].flatMap(saveUninitialized => [false, true].flatMap(hostRolling => [0, 1, 2].flatMap(extra => [undefined, 3_600_000].map(maxAge => ({ saveUninitialized, hostRolling, extra, maxAge })))))
      for (const { saveUninitialized, hostRolling, extra, maxAge } of combinations) {
        clock.set(Date.UTC(2026, 0, 1, 12))
        const name = `saveUninitialized ${saveUninitialized}, host rolling ${hostRolling}, ${extra} other cookies, maxAge ${maxAge}`
        const { app } = await buildApp(t, {
          session: { saveUninitialized, rolling: hostRolling, cookie: maxAge === undefined ? {} : { maxAge } },
          timeout: { appliesTo: signedIn, rolling, sessionOnly },
          routes: routes(extra)
        })
        const problems: string[] = []
        const check = (step: string, page: Page, expected: 'cookie' | 'clearing' | 'none', seconds?: number): void => {
          const own = named(page, 'sessionId')
          if (own.length > 1) problems.push(`${step}: ${own.length} lines`)
          const found = own.length === 0 ? 'none' : own[0]!.startsWith('sessionId=;') ? 'clearing' : 'cookie'
          if (found !== expected) problems.push(`${step}: ${found} instead of ${expected}`)
          const rest = page.setCookies.filter(line => !line.startsWith('sessionId='))
          if (JSON.stringify(rest.toSorted()) !== JSON.stringify(others.slice(0, extra).toSorted())) problems.push(`${step}: other cookies changed: ${rest.join(' | ')}`)
          if (page.setCookies.length === 1 && Array.isArray(page.headers['set-cookie'])) problems.push(`${step}: a single one is an array`)
          if (found !== 'cookie') return
          if (sessionOnly && /expires|max-age/i.test(own[0]!)) problems.push(`${step}: ${own[0]}`)
          if (!sessionOnly && seconds !== undefined && !own[0]!.endsWith(`; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}; Expires=${new Date(clock.now() + seconds * 1000).toUTCString()}`)) problems.push(`${step}: ${own[0]}, not ${seconds} s`)
        }

        const visitor = createBrowser(app)
        check('anonymous', await visitor.get('/anonymous'), saveUninitialized ? 'cookie' : 'none')

        const browser = createBrowser(app)
        check('sign-in', await browser.post('/sign-in'), 'cookie', 1800)
        clock.tick(1000)
        check('nothing to do', await browser.get('/look'), hostRolling && rolling ? 'cookie' : 'none', 1799)
        check('a change', await browser.post('/change'), rolling ? 'cookie' : 'none', 1799)
        check('an error', await browser.get('/throw'), hostRolling && rolling ? 'cookie' : 'none', 1799)
        check('a 404', await browser.get('/nowhere'), hostRolling && rolling ? 'cookie' : 'none', 1799)
        clock.tick(2 * minute)
        check('a touch', await browser.get('/look'), rolling ? 'cookie' : 'none', 1800)
        clock.tick(2 * minute)
        check('a touch and a change', await browser.post('/change'), rolling ? 'cookie' : 'none', 1800)
        clock.tick(2 * minute)
        check('a touch and an error', await browser.get('/throw'), rolling ? 'cookie' : 'none', 1800)
        clock.tick(2 * minute)
        check('a touch and a 404', await browser.get('/nowhere'), rolling ? 'cookie' : 'none', 1800)
        // Kept by hand: a browser may have dropped it at its Max-Age.
        browser.setCookie('sessionId', browser.cookie('sessionId')!)
        clock.tick(30 * minute)
        check('ended', await browser.clone().get('/look'), saveUninitialized ? 'cookie' : 'clearing')
        check('replayed', await browser.clone().get('/look'), saveUninitialized ? 'cookie' : 'clearing')
        check('ended and signed in again', await browser.clone().post('/sign-in'), 'cookie', 1800)
        t.same(problems, [], name)
      }
    })
  }
}

t.test('sign-out, and a request in flight during it, send no session cookie', async t => {
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.post('/sign-out')).setCookies, [])
})

t.test('Max-Age is never short of the deadline, and counts whole seconds', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { idleTimeout: 1500, sessionOnly: false, appliesTo: signedIn } })
  t.match((await createBrowser(app).post('/sign-in')).setCookies, [`; Max-Age=2; Expires=${new Date(clock.now() + 2000).toUTCString()}`])
})

t.test('near the absolute limit Max-Age is the time to that', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { absoluteTimeout: '40m', sessionOnly: false, appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(25 * minute)
  t.match((await browser.get('/me')).setCookies, [/; Max-Age=900; /])
})

t.test('the cookie of a session that is not timed is left as the host wrote it, but for sessionOnly', async t => {
  const clock = fakeClock(t)
  for (const [sessionOnly, expected] of [[true, /^sessionId=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/], [false, /^sessionId=[^;]+; Path=\/; Expires=Thu, 01 Jan 2026 13:00:00 GMT; HttpOnly; SameSite=Lax$/]] as const) {
    const { app } = await buildApp(t, { session: { cookie: { maxAge: 60 * minute } }, timeout: { appliesTo: signedIn, sessionOnly }, routes: routes(0) })
    clock.set(Date.UTC(2026, 0, 1, 12))
    t.match((await createBrowser(app).post('/change')).setCookies, [expected])
  }
})

t.test('every other attribute stays as @fastify/session set it', async t => {
  const { app } = await buildApp(t, {
    session: { cookie: { secure: true, sameSite: 'strict', domain: 'example.com', path: '/', httpOnly: true, partitioned: true } },
    server: { trustProxy: true },
    timeout: { appliesTo: signedIn }
  })
  const { app: bare } = await buildApp(t, {
    session: { cookie: { secure: true, sameSite: 'strict', domain: 'example.com', path: '/', httpOnly: true, partitioned: true } },
    server: { trustProxy: true },
    timeout: false
  })
  const https = { 'x-forwarded-proto': 'https' }
  const attributes = async (one: typeof app): Promise<string | undefined> => (await createBrowser(one).post('/sign-in', undefined, https)).setCookies[0]?.replace(/^[^;]+/, '')
  t.equal(await attributes(app), await attributes(bare))
  t.match(await attributes(app), /Domain=example\.com.*HttpOnly.*Secure.*Partitioned.*SameSite=Strict/)
})

t.test('a touch writes the same line as @fastify/session would', async t => {
  const clock = fakeClock(t)
  for (const cookiePrefix of ['', 's:']) {
    const { app } = await buildApp(t, { session: { cookiePrefix, store: new JsonStore(), cookie: { path: '/', sameSite: 'strict' } }, timeout: { appliesTo: signedIn } })
    const browser = createBrowser(app)
    const first = await browser.post('/sign-in')
    clock.tick(2 * minute)
    t.same((await browser.get('/me')).setCookies, first.setCookies)
  }
})

t.test('a cookie that the application sets in a later onSend hook adds to ours', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => { app.addHook('onSend', async (_request, reply) => { reply.setCookie('late', '1') }) }
  })
  const browser = createBrowser(app)
  t.same((await browser.post('/sign-in')).setCookies.map(line => line.split('=', 1)[0]), ['sessionId', 'late'])
  clock.tick(2 * minute)
  t.same((await browser.get('/me')).setCookies.map(line => line.split('=', 1)[0]), ['sessionId', 'late'])
  t.same((await browser.get('/me')).setCookies.map(line => line.split('=', 1)[0]), ['late'])
})

t.test('a cookie header that the application writes itself is left in its form', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.get('/string', async (_request, reply) => { reply.header('set-cookie', 'a=1; Path=/') })
      app.get('/array', async (_request, reply) => { reply.header('set-cookie', ['a=1; Path=/']) })
      app.get('/odd', async (_request, reply) => { reply.header('set-cookie', ['a=1;Path=/;expires=Thu, 01 Jan 2099 00:00:00 GMT', 'A = 2 ; weird', 'sessionid=x; Max-Age=5']) })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.equal((await browser.get('/string')).headers['set-cookie'], 'a=1; Path=/')
  t.same((await browser.get('/array')).headers['set-cookie'], ['a=1; Path=/'])
  clock.tick(2 * minute)
  t.match((await browser.get('/odd')).headers['set-cookie'], ['a=1;Path=/;expires=Thu, 01 Jan 2099 00:00:00 GMT', 'A = 2 ; weird', 'sessionid=x; Max-Age=5', /^sessionId=/])
})

t.test('a session cookie of a response that comes before the check is session-only, too', async t => {
  const { app } = await buildApp(t, {
    session: { cookie: { maxAge: 60_000 } },
    beforeTimeout (app) {
      app.addHook('onRequest', async (request, reply) => {
        request.session.note = 'early'
        return reply.send('closed')
      })
    }
  })
  const lines = [(await app.inject('/me')).headers['set-cookie']].flat()
  t.equal(lines.length, 1)
  t.match(lines[0], /^sessionId=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
})

t.test('a slow handler whose session the store cannot be asked for leaves the browser the cookie that it has', async t => {
  const gate = createGate()
  const { browser, clock, store } = await openScene(t, {
    store: new FaultyStore(new JsonStore()),
    routes (app) {
      app.get('/slow', async () => {
        await gate.pass()
        return 'done'
      })
    }
  })
  clock.tick(10 * minute)
  const slow = browser.clone().get('/slow')
  await gate.reached
  clock.tick(2000)
  store.plan.get = ['error']
  gate.open()
  const page = await slow
  t.equal(page.statusCode, 200)
  t.same(page.setCookies, [])
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null }, 'and nobody takes it for ended')
})
