import t, { type Test } from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, refusalOf, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

interface Kind {
  name: string
  cookie: { path?: string, domain?: string, sameSite?: 'strict' | 'lax' | 'none', partitioned?: boolean }
}

const kinds: Kind[] = [
  { name: '__Host-sid', cookie: { path: '/' } },
  { name: '__Secure-sid', cookie: { path: '/', domain: 'shop.example' } },
  { name: 'sid', cookie: { path: '/', sameSite: 'none', partitioned: true } },
  { name: '__Host-part', cookie: { path: '/', partitioned: true } }
]

const https = { 'x-forwarded-proto': 'https' }

interface Setting {
  clock: FakeClock
  store: JsonStore
  browser: Browser
}

async function open (t: Test, { name, cookie }: Kind, timeout: AppOptions['timeout']): Promise<Setting> {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    server: { trustProxy: true },
    session: { store, cookieName: name, cookie: { secure: true, ...cookie } },
    timeout: { cookieName: name, appliesTo: signedIn, endpoint: '/session-timeout', ...timeout },
    routes (app) {
      app.post('/login', async request => {
        await request.session.regenerate()
        request.session.userId = 'ada'
        return { userId: 'ada' }
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in', undefined, https)
  return { clock, store, browser }
}

/** What the attributes say about which cookie is meant; without the life. */
function scopeOf (line: string): string[] {
  return line.split('; ').slice(1).filter(one => !/^(?:expires|max-age)=/i.test(one)).map(one => one.toLowerCase()).toSorted()
}

function clearing (page: Page, name: string): string[] {
  return page.setCookies.filter(line => line.startsWith(`${name}=;`))
}

for (const kind of kinds) {
  const { name } = kind
  t.test(`a cookie ${name} ${JSON.stringify(kind.cookie)} is cleared with the attributes it was set with`, async t => {
    const ways: Record<string, (setting: Setting) => Promise<Page>> = {
      'by sign-out at the endpoint': ({ browser }) => browser.request({ method: 'DELETE', url: '/session-timeout', headers: https }),
      'when the session is gone': ({ browser, store }) => {
        store.data.clear()
        return browser.get('/me', https)
      },
      'when the cookie is forged': ({ browser }) => {
        browser.setCookie(name, 'forged.cookie', kind.cookie.path)
        return browser.get('/me', https)
      },
      'when the session has timed out': ({ browser, clock }) => {
        clock.tick(30 * minute)
        return browser.get('/me', https)
      }
    }
    for (const [way, deed] of Object.entries(ways)) {
      await t.test(way, async t => {
        const setting = await open(t, kind, { afterTimeout: 'continue' })
        const set = await setting.browser.clone().post('/sign-in', undefined, https)
        const line = set.setCookies.find(one => one.startsWith(`${name}=`))!
        t.equal(refusalOf(line), undefined, 'as it was set')
        const page = await deed(setting)
        const cleared = clearing(page, name)
        t.equal(cleared.length, 1, 'one line clears it')
        t.equal(refusalOf(cleared[0] ?? ''), undefined)
        t.same(scopeOf(cleared[0] ?? ''), scopeOf(line))
        t.match(cleared[0], /Expires=Thu, 01 Jan 1970|Max-Age=0/i)
        t.equal(page.setCookies.filter(one => one.startsWith(`${name}=`)).length, 1, 'and there is no other line')
      })
    }
  })

  t.test(`nobody is locked out by a stale ${name} ${JSON.stringify(kind.cookie)}`, async t => {
    const { clock, browser } = await open(t, kind, { afterTimeout: 'unauthorized' })
    clock.tick(30 * minute)
    t.equal((await browser.get('/me', https)).statusCode, 401)
    t.equal(browser.cookie(name), undefined, 'the browser has dropped it')
    t.equal((await browser.post('/login', undefined, https)).statusCode, 200)
    t.match((await browser.get('/me', https)).json(), { userId: 'ada', ended: null })
  })

  t.test(`where pages say why, a poll leaves ${name} ${JSON.stringify(kind.cookie)} for the next page, which clears it`, async t => {
    const { clock, browser } = await open(t, kind, { afterTimeout: { redirectTo: '/login' } })
    clock.tick(30 * minute)
    for (let poll = 0; poll < 2; poll++) {
      t.equal((await browser.get('/me', https)).statusCode, 401)
      t.ok(browser.cookie(name), 'kept')
    }
    t.equal((await browser.clone().post('/sign-out', undefined, https)).setCookies.filter(line => line.startsWith(`${name}=;`)).length, 1, 'what changes something clears it')
    const page = await browser.get('/me', { ...https, accept: 'text/html' })
    t.equal(page.headers.location, '/login?returnTo=%2Fme&reason=idle')
    t.equal(browser.cookie(name), undefined, 'the browser has dropped it')
  })
}

t.test('a request that is answered before any session is looked at keeps its cookies as they are', async t => {
  const { app } = await buildApp(t, {
    before: app => {
      app.addHook('onRequest', async (_request, reply) => reply.header('set-cookie', 'theme=dark; Path=/').send('closed'))
    }
  })
  t.equal((await app.inject('/me')).headers['set-cookie'], 'theme=dark; Path=/')
})

t.test('a sign-out that sets another cookie keeps that as it is', async t => {
  const { app } = await buildApp(t, {
    routes: app => {
      app.post('/leave', async (request, reply) => {
        await request.session.destroy()
        return reply.header('set-cookie', 'theme=dark; Path=/').send('bye')
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.post('/leave')).setCookies, ['theme=dark; Path=/'])
})

t.test('a cookie that is cleared carries HttpOnly, as it did when it was set', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, endpoint: '/session-timeout' } })
  const lines: string[] = []
  for (const end of [
    (browser: Browser) => browser.post('/sign-out'),
    (browser: Browser) => browser.request({ method: 'DELETE', url: '/session-timeout' }),
    (browser: Browser) => {
      clock.tick(30 * minute)
      return browser.get('/me')
    }
  ]) {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const page = await end(browser)
    // @fastify/session itself sends no line when it destroys.
    const next = page.setCookies.length > 0 ? page : await browser.get('/me')
    lines.push(...next.setCookies)
  }
  t.equal(lines.length, 3)
  for (const line of lines) t.match(line, /^sessionId=; Max-Age=0; .*; HttpOnly/)
})
