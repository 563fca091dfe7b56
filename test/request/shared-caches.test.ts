import t, { type Test } from 'tap'
import { createBrowser, type Page } from '../helpers/browser.js'
import { openScene, type Scene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

const shared = ['public', 'public, max-age=31536000, immutable', 'max-age=60, s-maxage=600', 'Public', 's-maxage=1', 'max-age=0,public']
const own = ['private', 'no-store', 'max-age=600', 'no-cache', 'private, max-age=60', 'x-public=1']

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
