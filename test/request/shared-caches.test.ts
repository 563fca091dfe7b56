import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { createBrowser, type Page } from '../helpers/browser.js'
import { openScene, type Scene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

const shared = ['public', 'public, max-age=31536000, immutable', 'max-age=60, s-maxage=600', 'Public', 's-maxage=1', 'max-age=0,public']
const own = ['private', 'no-store', 'max-age=0', 'no-cache', 'private, max-age=60', 'max-age=60, private="set-cookie"', 'no-cache, max-age=60', 'x-public=1']
// RFC 9111 lets shared caches keep them.
const fresh = ['max-age=600', 'MAX-AGE="600"', 'must-revalidate,max-age=1']

function open (t: Test): Promise<Scene> {
  return openScene(t, {
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.get<{ Querystring: { control: string } }>('/asset', async (request, reply) => {
        reply.header('cache-control', request.query.control).header('server-timing', 'db;dur=5').setCookie('theme', 'dark')
        return 'asset'
      })
      app.get<{ Querystring: { control: string } }>('/late', async (request, reply) => {
        request.session.note = `${request.query.control} ${request.id}`
        reply.header('cache-control', request.query.control)
        return 'asset'
      })
    }
  })
}

function sessionLines (page: Page): string[] {
  return page.setCookies.filter(line => line.startsWith('sessionId='))
}

for (const control of shared) {
  t.test(`a response that is ${control} carries nothing of the session, also when a touch is due`, async t => {
    const { browser, clock, store, id } = await open(t)
    clock.tick(10 * minute)
    const page = await browser.clone().get(`/asset?control=${encodeURIComponent(control)}`)
    t.equal(page.statusCode, 200)
    t.equal(page.setCookies.length, 1)
    t.match(page.setCookies[0], /^theme=dark/, 'a cookie of the application is its own business')
    t.equal(page.headers['server-timing'], 'db;dur=5')
    t.match(store.peek(id), { sessionTimeout: { lastActivity: clock.now() } }, 'the session was extended nevertheless')
  })

  t.test(`nor one that is ${control} and saves the session, or clears the cookie of none`, async t => {
    const { app, browser, clock } = await open(t)
    const url = `/late?control=${encodeURIComponent(control)}`
    t.same(sessionLines(await browser.clone().get(url)), [])
    const forged = createBrowser(app)
    forged.setCookie('sessionId', 'forged.cookie')
    t.same(sessionLines(await forged.get(`/asset?control=${encodeURIComponent(control)}`)), [])
    clock.tick(30 * minute)
    t.same(sessionLines(await browser.clone().get(`/asset?control=${encodeURIComponent(control)}`)), [], 'or ends it')
  })
}

for (const control of own) {
  t.test(`a response that is ${control} carries the cookie and the time left`, async t => {
    const { browser, clock } = await open(t)
    clock.tick(10 * minute)
    const page = await browser.clone().get(`/asset?control=${encodeURIComponent(control)}`)
    t.equal(sessionLines(page).length, 1)
    t.match(page.headers['server-timing'], `db;dur=5, session-timeout;dur=${30 * minute}`)
  })
}

for (const control of fresh) {
  const url = (path: string): string => `${path}?control=${encodeURIComponent(control)}`

  t.test(`a response that is ${control} carries no cookie again, and no time left`, async t => {
    const { browser, clock, store, id } = await open(t)
    clock.tick(10 * minute)
    const page = await browser.clone().get(url('/asset'))
    t.same(sessionLines(page), [])
    t.equal(page.headers['server-timing'], 'db;dur=5')
    t.match(store.peek(id), { sessionTimeout: { lastActivity: clock.now() } }, 'the session was extended nevertheless')
    clock.tick(30 * minute)
    t.same(sessionLines(await browser.clone().get(url('/asset'))), [], 'nor does one clear it, for everybody')
  })

  t.test(`but one that is ${control} and begins a session carries its cookie`, async t => {
    const { app, logs } = await open(t)
    const visitor = createBrowser(app)
    t.equal(sessionLines(await visitor.get(url('/late'))).length, 1)
    t.same(logs.filter(({ level }) => level > 30), [])
  })
}

t.test('an Expires in the future is freshness too, where nothing else is said', async t => {
  const { browser, clock } = await openScene(t, {
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.get<{ Querystring: { in: number, control?: string } }>('/asset', async (request, reply) => {
        reply.header('expires', new Date(Date.now() + Number(request.query.in)).toUTCString())
        if (request.query.control) reply.header('cache-control', request.query.control)
        return 'asset'
      })
    }
  })
  clock.tick(10 * minute)
  t.same(sessionLines(await browser.clone().get('/asset?in=60000')), [])
  clock.tick(10 * minute)
  t.equal(sessionLines(await browser.clone().get('/asset?in=-60000')).length, 1)
  clock.tick(10 * minute)
  t.equal(sessionLines(await browser.clone().get('/asset?in=60000&control=private')).length, 1)
})

for (const [kind, payload] of Object.entries({ text: (): string | Readable => 'asset', stream: () => Readable.from(['asset']) })) {
  for (const how of ['a hook that was registered later', 'the raw response']) {
    t.test(`a ${kind} that ${how} makes public carries nothing of the session`, async t => {
      const { browser, clock } = await openScene(t, {
        timeout: { endpoint: '/session-timeout' },
        routes (app) {
          app.get('/asset', async (_request, reply) => {
            reply.header('server-timing', 'db;dur=5').setCookie('theme', 'dark')
            return payload()
          })
          app.addHook('onSend', async (request, reply) => {
            if (request.url !== '/asset') return
            if (how === 'the raw response') reply.raw.setHeader('cache-control', 'public')
            else reply.header('cache-control', 'public, max-age=60')
          })
        }
      })
      clock.tick(10 * minute)
      const page = await browser.get('/asset')
      t.equal(page.statusCode, 200)
      t.equal(page.setCookies.length, 1)
      t.match(page.setCookies[0], /^theme=dark/)
      t.equal(page.headers['server-timing'], 'db;dur=5')
    })
  }
}

t.test('a later hook that adds its own Server-Timing keeps it', async t => {
  const { browser } = await openScene(t, {
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.addHook('onSend', async (request, reply) => {
        // The sign-in keeps its cookie.
        if (request.method === 'GET') reply.header('server-timing', `${String(reply.getHeader('server-timing'))}, db;dur=5`).header('cache-control', 'public')
      })
    }
  })
  t.equal((await browser.get('/me')).headers['server-timing'], 'db;dur=5')
})

t.test('a sign-in whose response is public is warned about once: nobody stays signed in', async t => {
  const { app, logs } = await openScene(t, {
    routes (app) {
      app.addHook('onSend', async (_request, reply) => { reply.header('cache-control', 'public, max-age=300') })
    }
  })
  for (let visit = 0; visit < 3; visit++) t.same(sessionLines(await createBrowser(app).post('/sign-in')), [])
  t.match(logs.filter(({ level }) => level > 30), [{
    level: 40,
    msg: 'fastify-session-timeout: a session is lost: the response to POST /sign-in begins one and is marked public or s-maxage, so that its cookie ' +
      'is withheld from shared caches. Send Cache-Control: no-store where users sign in'
  }])
})

t.test('a response that a later hook took Server-Timing from, and made public, has neither that nor a cookie', async t => {
  const { browser } = await openScene(t, {
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.get('/public', {
        async onSend (_request, reply, payload) {
          t.ok(reply.getHeader('server-timing'), 'it was there')
          reply.removeHeader('server-timing')
          reply.header('cache-control', 'public, max-age=60')
          return payload
        }
      }, async () => 'for everybody')
    }
  })
  const { statusCode, body, headers } = await browser.get('/public')
  t.strictSame([statusCode, body], [200, 'for everybody'])
  t.equal(headers['server-timing'], undefined)
  t.equal(headers['set-cookie'], undefined)
})

t.test('a public response loses only the session cookie, not its other cookies', async t => {
  const { browser, clock } = await openScene(t, {
    routes (app) {
      app.get('/public', async (_request, reply) => {
        reply.setCookie('one', '1').setCookie('two', '2').header('cache-control', 'public')
        return 'for everybody'
      })
    }
  })
  clock.tick(10 * minute)
  t.same((await browser.get('/public')).setCookies, ['one=1; SameSite=Lax', 'two=2; SameSite=Lax'])
})
