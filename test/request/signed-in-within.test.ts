import t, { type Test } from 'tap'
import type { RouteSessionTimeout } from '../../index.js'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser, navigation } from '../helpers/browser.js'
import { openScene, type Scene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

const challenge = 'Session error="insufficient_user_authentication", max_age=600'

interface StepUp extends Scene {
  /** How often the handler ran. */
  readonly paid: { times: number }
}

async function open (t: Test, timeout: AppOptions['timeout'] = {}): Promise<StepUp> {
  const paid = { times: 0 }
  const scene = await openScene(t, {
    timeout,
    routes (app) {
      const config = { sessionTimeout: { signedInWithin: '10m' } as RouteSessionTimeout }
      app.post('/pay', { config }, async request => {
        paid.times++
        return { userId: request.session.userId ?? null }
      })
      app.get('/settings', { config }, async () => {
        paid.times++
        return 'settings'
      })
      app.post('/password', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => {
        await request.sessionTimeout.restart()
        return 'restarted'
      })
    }
  })
  return { ...scene, paid }
}

t.test('a session that signed in lately enough passes', async t => {
  const { browser, clock, paid } = await open(t)
  for (const wait of [0, 5 * minute, 5 * minute - 1]) {
    clock.tick(wait)
    t.match((await browser.post('/pay')).json(), { userId: 'ada' })
  }
  t.equal(paid.times, 3)
})

t.test('an older one is refused in the words of RFC 9470, but neither ended nor extended', async t => {
  const { browser, clock, store, id, paid } = await open(t)
  clock.tick(10 * minute + 1)
  const before = store.data.get(id)
  const { set } = store.counts
  const page = await browser.post('/pay')
  t.equal(page.statusCode, 401)
  t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_STALE', statusCode: 401 })
  t.equal(page.headers['www-authenticate'], challenge)
  t.equal(page.headers['cache-control'], 'no-store')
  t.equal(paid.times, 0)
  t.equal(store.counts.set, set)
  t.equal(store.data.get(id), before)
  t.same(page.setCookies, [])
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
})

t.test('navigations are led to sign in where afterTimeout redirects, with the way back and the reason', async t => {
  const { browser, clock } = await open(t, { afterTimeout: { redirectTo: '/login' } })
  clock.tick(11 * minute)
  const page = await browser.request({ url: '/settings?tab=2', headers: navigation })
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, '/login?returnTo=%2Fsettings%3Ftab%3D2&reason=stale')
  const api = await browser.get('/settings', { 'sec-fetch-mode': 'cors' })
  t.equal(api.statusCode, 401)
  t.equal(api.headers['www-authenticate'], challenge)
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('restart() after re-authentication satisfies it', async t => {
  const { browser, clock } = await open(t)
  clock.tick(20 * minute)
  t.equal((await browser.post('/pay')).statusCode, 401)
  t.equal((await browser.post('/password')).statusCode, 200)
  t.equal((await browser.post('/pay')).statusCode, 200)
  clock.tick(10 * minute + 1)
  t.equal((await browser.post('/pay')).statusCode, 401, 'for ten minutes')
})

t.test('a new sign-in satisfies signedInWithin, but activity does not', async t => {
  const { browser, clock } = await open(t)
  clock.tick(8 * minute)
  await browser.get('/me')
  clock.tick(8 * minute)
  t.equal((await browser.post('/pay')).statusCode, 401)
  await browser.post('/sign-in')
  t.equal((await browser.post('/pay')).statusCode, 200)
})

t.test('an ended session is told of its end, not that it is old', async t => {
  const { browser, clock, paid } = await open(t, { afterTimeout: 'unauthorized' })
  clock.tick(30 * minute)
  t.match((await browser.post('/pay')).json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  t.equal(paid.times, 0)
})

t.test('an error handler of the application may answer it', async t => {
  const { browser, clock } = await openScene(t, {
    routes (app) {
      app.setErrorHandler<Error & { code?: string }>((error, _request, reply) => reply.code(403).send({ handled: error.code }))
      app.post('/pay', { config: { sessionTimeout: { signedInWithin: 600_000 } as RouteSessionTimeout } }, async () => 'paid')
    }
  })
  clock.tick(11 * minute)
  const page = await browser.post('/pay')
  t.equal(page.statusCode, 403)
  t.same(page.json(), { handled: 'FST_SESSION_TIMEOUT_STALE' })
})

t.test('the guard of the application decides where no user is signed in', async t => {
  const { app, paid } = await open(t)
  const page = await createBrowser(app).post('/pay')
  t.equal(page.statusCode, 200)
  t.same(page.json(), { userId: null })
  t.equal(paid.times, 1)
})

t.test('a signedInWithin that is no duration is refused when the route is added', async t => {
  for (const signedInWithin of [0, -1, 'soon', false, true, null, {}, () => '5m', '401d', NaN]) {
    await t.rejects(buildApp(t, {
      routes: app => { app.get('/x', { config: { sessionTimeout: { signedInWithin } as unknown as RouteSessionTimeout } }, async () => 'x') }
    }), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /^config\.sessionTimeout\.signedInWithin of GET \/x must be/ }, String(signedInWithin))
  }
})
