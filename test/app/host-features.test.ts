import session, { type FastifySessionOptions } from '@fastify/session'
import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const secrets = ['the first secret, long enough for a signature', 'the second secret, long enough for a signature', 'the third secret, long enough for a signature'] as const

/** The same application without and with the plugin. */
async function both (t: Parameters<typeof buildApp>[0], options: AppOptions, visit: (browser: Browser, name: string) => Promise<unknown>): Promise<[unknown, unknown]> {
  const results = []
  for (const timeout of [false, { appliesTo: signedIn }] as const) {
    const { app } = await buildApp(t, { ...options, timeout })
    results.push(await visit(createBrowser(app), timeout === false ? 'without' : 'with'))
  }
  return results as [unknown, unknown]
}

function hideIds (lines: string[]): string[] {
  return lines.map(line => line.replace(/=[^;]{20,}/, '=<id>'))
}

/** The same lines; one that clears a cookie has HttpOnly as well. */
function withHttpOnly (lines: string[]): string[] {
  return lines.map(line => /=; Max-Age=0/.test(line) && !line.includes('HttpOnly') ? line.replace(/(Expires=[^;]*)/, '$1; HttpOnly') : line)
}

t.test('@fastify/session clears a stale cookie as it does by itself, and with the attributes that it was set with', async t => {
  for (const path of ['/', '/app']) {
    const [without, with_] = await both(t, { session: { cookie: { path, domain: 'example.com' } }, routes: app => { app.get('/app/x', async () => 'x') } }, async browser => {
      browser.setCookie('sessionId', 'stale.cookie')
      return (await browser.get('/app/x')).setCookies.map(line => line.split('; ').filter(one => one !== 'HttpOnly' && !one.startsWith('SameSite')).join('; '))
    })
    t.same(with_, without)
    t.match((with_ as string[])[0], /^sessionId=; Max-Age=0; Domain=example\.com/)
  }
})

t.test('regenerate, with and without keys, as promise and callback', async t => {
  const routes: NonNullable<AppOptions['routes']> = app => {
    app.post('/keep', async request => {
      const before = request.session.sessionId
      request.session.views = 7
      await request.session.regenerate(['userId'])
      return { changed: before !== request.session.sessionId, userId: request.session.userId, views: request.session.views ?? null, saved: request.session.isSaved(), modified: request.session.isModified() }
    })
    app.post('/callback', (request, reply) => {
      request.session.regenerate(error => { reply.send({ error: error ?? null, userId: request.session.userId ?? null }) })
    })
  }
  for (const store of [() => new session.MemoryStore(), () => new JsonStore()]) {
    for (const url of ['/keep', '/callback']) {
      const [without, with_] = await both(t, { session: { store: store() }, routes }, async browser => {
        await browser.post('/sign-in')
        const page = await browser.post(url)
        return [page.json(), hideIds(withHttpOnly(page.setCookies)), (await browser.get('/me')).json().userId]
      })
      t.same(with_, without, url)
    }
  }
})

t.test('reload, save, isSaved, isModified, options, get, set and touch', async t => {
  const routes: NonNullable<AppOptions['routes']> = app => {
    app.post('/all', async request => {
      const seen: unknown[] = [request.session.isSaved(), request.session.isModified()]
      request.session.set('views', 1)
      seen.push(request.session.isModified(), request.session.get('views'))
      await request.session.save()
      seen.push(request.session.isSaved(), request.session.isModified())
      request.session.views = 2
      await request.session.reload()
      seen.push(request.session.views, request.session.isModified())
      request.session.options({ maxAge: 60_000 })
      request.session.touch()
      seen.push(request.session.cookie.originalMaxAge)
      return seen
    })
    app.post('/callbacks', (request, reply) => {
      request.session.views = 3
      request.session.save(saveError => {
        request.session.reload(reloadError => {
          reply.send([saveError ?? null, reloadError ?? null, request.session.views])
        })
      })
    })
    app.post('/destroy', (request, reply) => {
      request.session.destroy(error => { reply.send([error ?? null, request.session]) })
    })
  }
  for (const store of [() => new session.MemoryStore(), () => new JsonStore()]) {
    const [without, with_] = await both(t, { session: { store: store() }, routes }, async browser => {
      await browser.post('/sign-in')
      const results = []
      for (const url of ['/all', '/callbacks', '/destroy']) {
        const page = await browser.post(url)
        results.push(page.json(), hideIds(page.setCookies).map(line => line.replace(/; (?:Max-Age|Expires)=[^;]+/g, '')))
      }
      return results
    })
    t.same(with_, without)
  }
})

t.test('a manual save in the request of a touch keeps both', async t => {
  const clock = fakeClock(t)
  for (const store of [undefined, new JsonStore()]) {
    const { app } = await buildApp(t, {
      session: store ? { store } : {},
      timeout: { appliesTo: signedIn },
      routes: app => {
        app.post('/save', async request => {
          request.session.note = 'saved'
          await request.session.save()
          return request.sessionTimeout.remaining
        })
      }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(20 * minute)
    t.equal((await browser.post('/save')).body, String(30 * minute))
    clock.tick(30 * minute - 1)
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
})

t.test('a reload after a touch sees the touch', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.get('/reload', async request => {
        await request.session.reload()
        return { remaining: request.sessionTimeout.remaining, userId: request.session.userId }
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(20 * minute)
  t.same((await browser.get('/reload')).json(), { remaining: 30 * minute, userId: 'ada' })
})

t.test('several secrets: a session signed with the older one lives on, and its cookie is signed anew', async t => {
  const clock = fakeClock(t)
  for (const cookiePrefix of ['', 's:']) {
    for (const rolling of [true, false]) {
      for (const hostRolling of [false, true]) {
        const store = new JsonStore()
        const { app: before } = await buildApp(t, { session: { store, cookiePrefix, secret: secrets[0] }, timeout: { appliesTo: signedIn } })
        const { app } = await buildApp(t, { session: { store, cookiePrefix, rolling: hostRolling, secret: [secrets[1], secrets[0]] }, timeout: { appliesTo: signedIn, rolling } })
        const { app: after } = await buildApp(t, { session: { store, cookiePrefix, secret: [secrets[2], secrets[1]] }, timeout: { appliesTo: signedIn } })
        const old = createBrowser(before)
        await old.post('/sign-in')
        const browser = createBrowser(app)
        browser.setCookie('sessionId', old.cookie('sessionId')!)
        clock.tick(minute)
        const page = await browser.get('/me')
        t.match(page.json(), { userId: 'ada', ended: null }, 'known by its old cookie')
        t.match(page.setCookies, [/^sessionId=[^;]{20,}; Path=\/; HttpOnly; SameSite=Lax$/], 'and given a new one')
        t.equal(page.setCookies.length, 1)
        t.not(browser.cookie('sessionId'), old.cookie('sessionId'))
        t.equal((await browser.get('/me')).json().userId, 'ada')
        const later = createBrowser(after)
        later.setCookie('sessionId', browser.cookie('sessionId')!)
        t.equal((await later.get('/me')).json().userId, 'ada', 'good for the next rotation')
        clock.tick(30 * minute)
        browser.setCookie('sessionId', old.cookie('sessionId')!)
        t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' }, 'the old cookie ends with its session')
      }
    }
  }
})

t.test('a secret that is no longer accepted makes its sessions missing', async t => {
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store, secret: secrets[0] } })
  const { app } = await buildApp(t, { session: { store, secret: secrets[1] } })
  const old = createBrowser(before)
  await old.post('/sign-in')
  const browser = createBrowser(app)
  browser.setCookie('sessionId', old.cookie('sessionId')!)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'missing' })
})

t.test('a signer object, whatever it does with an empty value', async t => {
  const clock = fakeClock(t)
  const reverse = (value: string): string => [...value].reverse().join('')
  type Signer = Exclude<FastifySessionOptions['secret'], string | string[]>
  const signers: Signer[] = [
    { sign: value => `${value}.ok`, unsign: value => ({ valid: value.endsWith('.ok'), renew: false, value: value.slice(0, -3) }) },
    { sign: value => reverse(value), unsign: value => ({ valid: true, renew: false, value: reverse(value) }) },
    { sign: value => `x${value}`, unsign: value => value.startsWith('x') ? { valid: true, renew: false, value: value.slice(1) } : { valid: false, renew: false, value: null } }
  ]
  for (const secret of signers) {
    for (const store of [() => new session.MemoryStore(), () => new JsonStore()]) {
      const { app } = await buildApp(t, { session: { secret, store: store() }, timeout: { appliesTo: signedIn } })
      const browser = createBrowser(app)
      await browser.post('/sign-in')
      clock.tick(20 * minute)
      t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
      clock.tick(30 * minute)
      t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
    }
  }
})

t.test('a signer that throws on an empty value ends the request, not the protection', async t => {
  const clock = fakeClock(t)
  const secret = {
    sign: (value: string) => `${value}.ok`,
    unsign: (value: string) => {
      if (value === '') throw new Error('nothing to unsign')
      return { valid: value.endsWith('.ok'), renew: false, value: value.slice(0, -3) }
    }
  }
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { secret, store }, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  const page = await browser.get('/me')
  t.equal(page.statusCode, 500)
  t.notMatch(page.body, 'ada')
  t.same(store.sessions(), [])
})

t.test('a signer that throws on what it never signed makes such a cookie missing', async t => {
  const secret = {
    sign: (value: string) => `v1.${value}`,
    unsign: (value: string) => {
      if (!value.startsWith('v1.')) throw new Error('no version')
      return value.length === 35 ? { valid: true, renew: false, value: value.slice(3) } : { valid: false, renew: false, value: null }
    }
  }
  const { app } = await buildApp(t, { session: { secret }, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  browser.setCookie('sessionId', `v1.${'x'.repeat(60)}`)
  t.match((await browser.get('/me')).json(), { ended: 'missing' })
})

t.test('secure auto', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { server: { trustProxy: true }, session: { cookie: { secure: 'auto', sameSite: 'strict' } }, timeout: { appliesTo: signedIn } })
  const https = { 'x-forwarded-proto': 'https' }
  const secure = createBrowser(app)
  t.match((await secure.post('/sign-in', undefined, https)).setCookies, [/; Secure/])
  clock.tick(2 * minute)
  t.match((await secure.get('/me', https)).setCookies, [/; Secure/])
  const plain = createBrowser(app)
  t.notMatch((await plain.post('/sign-in')).setCookies, [/; Secure/])
  clock.tick(2 * minute)
  const page = await plain.get('/me')
  t.equal(page.json().userId, 'ada')
  t.match(page.setCookies, [/; SameSite=Lax$/])
  t.notMatch(page.setCookies, [/; Secure/])
})

t.test('a Secure cookie does not travel over plain http', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { server: { trustProxy: true }, session: { cookie: { secure: true } }, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in', undefined, { 'x-forwarded-proto': 'https' })
  clock.tick(2 * minute)
  const page = await browser.get('/me')
  t.equal(page.json().userId, 'ada')
  t.same(page.setCookies, [])
  t.same((await createBrowser(app).post('/sign-in')).setCookies, [])
})

t.test('a session that is lost by a Secure cookie over plain http is warned of once, saying what to set', async t => {
  const { app, logs } = await buildApp(t, {
    session: { cookie: { secure: true } },
    routes (app) {
      app.post('/plain-sign-in', async request => { request.session.userId = 'ada' })
    }
  })
  const warnings = () => logs.filter(line => /a session is lost/.test(line.msg))
  const browser = createBrowser(app)
  await browser.get('/me')
  t.same(warnings(), [], 'a visitor without a session loses none')
  await browser.post('/plain-sign-in')
  t.equal(warnings().length, 1)
  t.match(warnings()[0]!, { level: 40, msg: /trustProxy.*cookie\.secure of @fastify\/session to 'auto'/ })
  browser.setCookie('sessionId', 'of another time')
  await browser.post('/plain-sign-in')
  t.equal(warnings().length, 1, 'once')
})

t.test('a session whose Secure cookie is sent is not called lost', async t => {
  const { app, logs } = await buildApp(t, {
    server: { trustProxy: true },
    session: { cookie: { secure: true } },
    routes (app) {
      app.post('/saved', async request => {
        request.session.userId = 'ada'
        await request.session.save()
      })
    }
  })
  const https = { 'x-forwarded-proto': 'https' }
  const browser = createBrowser(app)
  t.equal((await browser.post('/saved', undefined, https)).setCookies.length, 1)
  t.equal((await createBrowser(app).post('/saved')).setCookies.length, 1, 'saved by the application, it is sent over http, too')
  t.same(logs.filter(line => /a session is lost/.test(line.msg)), [])
})

t.test('a session whose Secure cookie is signed anew is not called lost', async t => {
  const store = new JsonStore()
  const options = (secret: string | string[]): AppOptions => ({ server: { trustProxy: true }, session: { store, secret, cookie: { secure: true } }, timeout: { appliesTo: signedIn } })
  const { app: before } = await buildApp(t, options(secrets[0]))
  const { app } = await buildApp(t, options([secrets[1], secrets[0]]))
  const old = createBrowser(before)
  await old.post('/sign-in', undefined, { 'x-forwarded-proto': 'https' })
  const browser = createBrowser(app)
  browser.setCookie('sessionId', old.cookie('sessionId')!)
  const page = await browser.get('/me')
  t.equal(page.json().userId, 'ada')
  t.notOk(page.setCookies.some(line => !line.startsWith('sessionId=;')))
})

t.test('a cookie path: outside it there is no session and nothing to check', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    session: { cookie: { path: '/app' } },
    timeout: { appliesTo: signedIn, endpoint: '/app/session-timeout', afterTimeout: 'unauthorized' },
    routes: app => {
      app.post('/app/sign-in', async request => { request.session.userId = 'ada' })
      app.get('/app/me', async request => request.session.userId ?? 'nobody')
      app.get('/outside', async request => {
        await request.sessionTimeout.touch()
        await request.sessionTimeout.restart()
        const { ended, startedAt, lastActivity, expiresAt, remaining, expiring, signal } = request.sessionTimeout
        return { ended, startedAt, lastActivity, expiresAt, remaining, expiring, aborted: signal.aborted }
      })
    }
  })
  const browser = createBrowser(app)
  t.match((await browser.post('/app/sign-in')).setCookies, [/; Path=\/app; /])
  const cookie = `sessionId=${[browser.cookie('sessionId')]}`
  const outside = await app.inject({ url: '/outside', headers: { cookie } })
  t.same(outside.json(), { ended: null, startedAt: null, lastActivity: null, expiresAt: null, remaining: null, expiring: false, aborted: true })
  t.equal(outside.headers['set-cookie'], undefined)
  clock.tick(2 * minute)
  const page = await browser.get('/app/me')
  t.equal(page.body, 'ada')
  t.match(page.setCookies, [/; Path=\/app; /])
  clock.tick(30 * minute)
  t.equal((await browser.get('/app/me')).statusCode, 401)
})

t.test('a store of its own, an id generator and a session of another shape', async t => {
  const clock = fakeClock(t)
  let count = 0
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store, idGenerator: () => `session-${(++count).toString().padStart(6, '0')}` }, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(20 * minute)
  t.equal((await browser.get('/me')).json().userId, 'ada')
  clock.tick(30 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
  t.same(store.sessions(), [])
})

t.test("the session holds nothing of the plugin's but the record", async t => {
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, routes: app => { app.get('/keys', async request => Object.keys(request.session)) } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.get('/keys')).json().toSorted(), ['cookie', 'sessionTimeout', 'userId'])
  t.same(Object.keys(store.peek(store.sessions()[0]!)!).toSorted(), ['cookie', 'sessionTimeout', 'userId'])
})

t.test('the life of a cookie can be set after its session was stored', async t => {
  const { app } = await buildApp(t, {
    routes (app) {
      app.post('/remember', async request => {
        request.session.userId = 'ada'
        await request.session.save()
        request.session.cookie.maxAge = 60_000
        return { maxAge: request.session.cookie.maxAge }
      })
    }
  })
  const page = await createBrowser(app).post('/remember')
  t.equal(page.statusCode, 200)
  t.ok(page.json().maxAge > 59_000 && page.json().maxAge <= 60_000)
})
