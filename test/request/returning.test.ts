import t from 'tap'
import { navigation } from '../helpers/browser.js'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

const htmx = { 'hx-request': 'true' }

t.test('htmx is sent back to its own page of this very host, and to no other', async t => {
  const cases: Array<[current: string | undefined, returnTo: string | undefined]> = [
    ['http://localhost/orders?page=2', '/orders?page=2'],
    ['http://localhost:80/orders', '/orders'],
    ['https://evil.example/orders', undefined],
    ['http://localhost.evil.example/orders', undefined],
    ['http://localhost@evil.example/orders', undefined],
    ['http://localhost:8080/orders', undefined],
    ['//evil.example/orders', undefined],
    ['rubbish', undefined],
    [undefined, undefined]
  ]
  for (const [current, returnTo] of cases) {
    await t.test(String(current), async t => {
      const { browser, clock } = await openScene(t, { timeout: { afterTimeout: { redirectTo: '/login' } } })
      clock.tick(30 * minute)
      const page = await browser.get('/me', { ...htmx, host: 'localhost', ...(current === undefined ? {} : { 'hx-current-url': current }) })
      t.equal(page.statusCode, 401)
      const target = new URL(String(page.headers['hx-redirect']), 'http://localhost')
      t.equal(target.host, 'localhost')
      t.equal(target.pathname, '/login')
      t.equal(target.searchParams.get('returnTo') ?? undefined, returnTo)
    })
  }
})

t.test('a request for the redirect target just continues, also when that is an absolute URL of this site', async t => {
  for (const redirectTo of ['/login', 'http://localhost/login', 'http://localhost:80/login', 'http://localhost/login?from=timeout']) {
    await t.test(redirectTo, async t => {
      const { browser, clock } = await openScene(t, {
        timeout: { afterTimeout: { redirectTo } },
        routes: app => { app.get('/login', async request => `sign in, ${request.session.userId ?? 'nobody'}`) }
      })
      clock.tick(30 * minute)
      const page = await browser.clone().request({ url: '/login', headers: { ...navigation, host: 'localhost' } })
      t.equal(page.statusCode, 200)
      t.equal(page.body, 'sign in, nobody')
    })
  }
})

t.test("another site's page of the same path is no such target", async t => {
  const { browser, clock } = await openScene(t, {
    timeout: { afterTimeout: { redirectTo: 'https://login.example/login' } },
    routes: app => { app.get('/login', async () => 'sign in') }
  })
  clock.tick(30 * minute)
  const page = await browser.request({ url: '/login', headers: { ...navigation, host: 'localhost' } })
  t.equal(page.statusCode, 303)
  t.match(page.headers.location, /^https:\/\/login\.example\/login\?/)
})
