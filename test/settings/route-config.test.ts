import t from 'tap'
import type { RouteSessionTimeout } from '../../index.js'
import { buildApp, routing, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

t.test('a route with false is not checked and extends nothing', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { idleTimeout: '30m', afterTimeout: 'unauthorized', appliesTo: signedIn },
    routes: app => {
      app.get('/health', { config: { sessionTimeout: false } }, async request => ({ ended: request.sessionTimeout.ended, expiresAt: request.sessionTimeout.expiresAt }))
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(29 * minute)
  t.same((await browser.get('/health')).json(), { ended: null, expiresAt: null })
  clock.tick(minute)
  const page = await browser.get('/health')
  t.equal(page.statusCode, 200, 'not even past the deadline')
  t.same(page.setCookies, [])
  t.match((await browser.get('/me')).json(), { code: 'FST_SESSION_TIMEOUT_ENDED', statusCode: 401 }, 'it extended nothing')
})

t.test('a route with false leaves a known end unanswered', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { afterTimeout: 'unauthorized', appliesTo: signedIn },
    routes: app => { app.get('/health', { config: { sessionTimeout: false } }, async request => request.session.userId ?? 'nobody') }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const stale = browser.clone()
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).statusCode, 401)
  const page = await stale.get('/health')
  t.equal(page.statusCode, 200)
  t.equal(page.body, 'nobody')
})

t.test('a save on a route with false keeps the record as it is', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes: app => { app.post('/note', { config: { sessionTimeout: false } }, async request => { request.session.note = 'kept' }) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const startedAt = clock.now()
  clock.tick(20 * minute)
  await browser.post('/note')
  t.match(store.peek(store.sessions()[0]!), { note: 'kept', sessionTimeout: { startedAt, lastActivity: startedAt } })
})

t.test('a route can be stricter about being idle', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { idleTimeout: '30m', appliesTo: signedIn },
    routes: app => { app.get('/vault', { config: { sessionTimeout: { idleTimeout: '5m' } } }, async request => ({ userId: request.session.userId ?? null, remaining: request.sessionTimeout.remaining })) }
  })
  for (const [after, userId] of [[5 * minute - 1, 'ada'], [5 * minute, null], [5 * minute + 1, null]] as const) {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(after)
    t.equal((await browser.clone().get('/me')).json().userId, 'ada', 'elsewhere the general limit holds')
    t.equal((await browser.get('/vault')).json().userId, after < 5 * minute ? userId : 'ada', 'which was an activity')
  }
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(5 * minute - 1)
  t.same((await browser.get('/vault')).json(), { userId: 'ada', remaining: 5 * minute })
  clock.tick(5 * minute)
  t.same((await browser.get('/vault')).json(), { userId: null, remaining: null })
})

t.test('a route is never laxer than a general limit that is known only with the request', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { idleTimeout: () => '30m', appliesTo: signedIn },
    routes: app => { app.get('/lax', { config: { sessionTimeout: { idleTimeout: '10h' } } }, async request => request.session.userId ?? 'nobody') }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute - 1)
  t.equal((await browser.get('/lax')).body, 'ada')
  clock.tick(30 * minute)
  t.equal((await browser.get('/lax')).body, 'nobody')
})

t.test('a route can have an idle limit where there is none in general', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { idleTimeout: false, appliesTo: signedIn },
    routes: app => { app.get('/vault', { config: { sessionTimeout: { idleTimeout: '5m' } } }, async request => request.session.userId ?? 'nobody') }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(120 * minute)
  t.equal((await browser.get('/me')).json().userId, 'ada')
  clock.tick(5 * minute - 1)
  t.equal((await browser.get('/vault')).body, 'ada')
  clock.tick(5 * minute)
  t.equal((await browser.get('/vault')).body, 'nobody')
})

t.test('a visit to a stricter route does not shorten the session elsewhere', async t => {
  const clock = fakeClock(t)
  for (const store of [undefined, new JsonStore()]) {
    const { app } = await buildApp(t, {
      session: store ? { store } : {},
      timeout: { idleTimeout: '4h', appliesTo: signedIn },
      routes: app => {
        app.get('/vault', { config: { sessionTimeout: { idleTimeout: '5m' } } }, async () => 'open')
        app.post('/vault', { config: { sessionTimeout: { idleTimeout: '5m' } } }, async request => {
          request.session.note = 'changed'
          return request.sessionTimeout.remaining
        })
      }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(4 * minute)
    t.equal((await browser.get('/vault')).body, 'open')
    clock.tick(2 * 60 * minute)
    t.equal((await browser.get('/me')).json().userId, 'ada', 'the store has not dropped it')
    clock.tick(minute)
    t.equal((await browser.post('/vault')).body, String(5 * minute))
    clock.tick(4 * 60 * minute - 1)
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
})

t.test('a route can be passive, or active where the general rule says no', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { idleTimeout: '30m', appliesTo: signedIn, countsAsActivity: request => request.method !== 'POST' },
    routes: app => {
      app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => request.sessionTimeout.remaining)
      app.post('/save', { config: { sessionTimeout: { countsAsActivity: true } } }, async request => request.sessionTimeout.remaining)
      app.post('/beacon', async request => request.sessionTimeout.remaining)
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(10 * minute)
  t.equal((await browser.get('/poll')).body, String(20 * minute))
  t.equal((await browser.post('/beacon')).body, String(20 * minute))
  t.equal((await browser.post('/save')).body, String(30 * minute))
})

t.test('a prefetch never counts, whatever the route says', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { idleTimeout: '30m', appliesTo: signedIn, countsAsActivity: () => true },
    routes: app => { app.get('/page', { config: { sessionTimeout: { countsAsActivity: true } } }, async request => request.sessionTimeout.remaining) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(10 * minute)
  const prefetches: Array<Record<string, string>> = [
    { 'sec-purpose': 'prefetch' }, { 'sec-purpose': 'prefetch;prerender' }, { 'sec-purpose': 'prefetch;anonymous-client-ip' },
    { purpose: 'prefetch' }, { 'x-purpose': 'preview' }, { 'x-moz': 'prefetch' }
  ]
  for (const headers of prefetches) t.equal((await browser.get('/page', headers)).body, String(20 * minute), JSON.stringify(headers))
  t.equal((await browser.get('/page', { purpose: 'navigation' })).body, String(30 * minute))
})

t.test('a route can answer an ended session in its own way', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn, afterTimeout: { redirectTo: '/login' } },
    routes: app => {
      app.get('/api', { config: { sessionTimeout: { afterTimeout: 'unauthorized' } } }, async () => 'never')
      app.get('/home', { config: { sessionTimeout: { afterTimeout: 'continue' } } }, async request => request.session.userId ?? 'nobody')
      app.get('/admin', { config: { sessionTimeout: { afterTimeout: { redirectTo: '/admin/login', returnParam: 'next', reasonParam: false } } } }, async () => 'never')
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  const page = { accept: 'text/html' }
  t.equal((await browser.clone().get('/me', page)).headers.location, '/login?returnTo=%2Fme&reason=idle')
  t.equal((await browser.clone().get('/api', page)).statusCode, 401)
  t.equal((await browser.clone().get('/home', page)).body, 'nobody')
  t.equal((await browser.clone().get('/admin', page)).headers.location, '/admin/login?next=%2Fadmin')
})

t.test('anything else throws when the route is added', async t => {
  const refused: Array<[unknown, string | RegExp]> = [
    [true, 'config.sessionTimeout must be false or { idleTimeout, countsAsActivity, afterTimeout, signedInWithin }, received true'],
    [null, 'config.sessionTimeout must be false or { idleTimeout, countsAsActivity, afterTimeout, signedInWithin }, received null'],
    ['5m', 'config.sessionTimeout must be false or { idleTimeout, countsAsActivity, afterTimeout, signedInWithin }, received "5m"'],
    [[], 'config.sessionTimeout must be false or { idleTimeout, countsAsActivity, afterTimeout, signedInWithin }, received an array'],
    [{ idleTimout: '5m' }, 'config.sessionTimeout.idleTimout must be left out: there is no such option. Did you mean idleTimeout? There are idleTimeout, countsAsActivity, afterTimeout, signedInWithin'],
    [{ absoluteTimeout: '5m' }, 'config.sessionTimeout.absoluteTimeout must be left out: there is no such option. There are idleTimeout, countsAsActivity, afterTimeout, signedInWithin'],
    [{ idleTimeout: false }, 'config.sessionTimeout.idleTimeout must be a duration of more than 0 and at most 400 days, in ms or such as "15m", received false'],
    [{ idleTimeout: 0 }, 'config.sessionTimeout.idleTimeout must be a duration of more than 0 and at most 400 days, in ms or such as "15m", received 0'],
    [{ idleTimeout: () => 1 }, /^config\.sessionTimeout\.idleTimeout of GET \/x must be a duration .* received function idleTimeout$/],
    [{ countsAsActivity: 'no' }, 'config.sessionTimeout.countsAsActivity must be true or false, received "no"'],
    [{ countsAsActivity: () => true }, 'config.sessionTimeout.countsAsActivity must be true or false, received function countsAsActivity'],
    [{ afterTimeout: 'logout' }, "config.sessionTimeout.afterTimeout must be 'continue', 'unauthorized' or { redirectTo }, received \"logout\""],
    [{ afterTimeout: { redirectTo: '//evil.example' } }, 'config.sessionTimeout.afterTimeout.redirectTo must be a path of this site, percent-encoded where needed, or an http(s) URL, received "//evil.example"']
  ]
  for (const [config, message] of refused) {
    await t.rejects(buildApp(t, { routes: app => { app.get('/x', { config: { sessionTimeout: config as RouteSessionTimeout } }, async () => 'never') } }),
      { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: message instanceof RegExp ? message : message.replace(/^(\S+)/, '$1 of GET /x') }, String(message))
  }
})

t.test('a bad config is noticed in a scope inside too', async t => {
  await t.rejects(buildApp(t, {
    routes: async app => {
      await app.register(async scope => { scope.get('/x', { config: { sessionTimeout: true as unknown as false } }, async () => 'never') }, { prefix: '/inside' })
    }
  }), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION' })
})

t.test('an empty or absent config inherits everything', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn, afterTimeout: 'unauthorized' },
    routes: app => {
      app.get('/empty', { config: { sessionTimeout: {} } }, async () => 'never')
      app.get('/other', { config: { otherPlugin: 1 } as object }, async () => 'never')
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  for (const url of ['/empty', '/other', '/me']) t.equal((await browser.clone().get(url)).statusCode, 401, url)
})

t.test('one config object can serve several routes', async t => {
  const config = Object.freeze({ sessionTimeout: Object.freeze({ countsAsActivity: false }) })
  const { app } = await buildApp(t, {
    routes: app => {
      app.get('/a', { config }, async () => 'a')
      app.get('/b', { config }, async () => 'b')
    }
  })
  t.equal((await app.inject('/a')).body, 'a')
  t.equal((await app.inject('/b')).body, 'b')
})

t.test('what counts is the route that the router chose, not what the URL looks like', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    server: routing({ ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, caseSensitive: false }),
    timeout: { appliesTo: signedIn },
    routes: app => { app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => request.sessionTimeout.remaining) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(10 * minute)
  for (const url of ['/poll', '/poll/', '/POLL', '//poll', '/%70oll', '/poll?x=/me']) t.equal((await browser.get(url)).body, String(20 * minute), url)
})
