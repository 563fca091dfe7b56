import t from 'tap'
import { buildApp, secret, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const url = '/session-timeout/client.js'
const older = 'an older secret, with which cookies were signed before'

// What @fastify/session does by default, and what its documentation recommends.
for (const host of [{ rolling: true, saveUninitialized: true }, { rolling: false, saveUninitialized: false }]) {
  t.test(`the client's file carries nothing of anybody's session, ${JSON.stringify(host)}`, async t => {
    const clock = fakeClock(t)
    const store = new JsonStore()
    const { app: before } = await buildApp(t, { session: { store, ...host, secret: older }, timeout: { appliesTo: signedIn } })
    const { app } = await buildApp(t, {
      session: { store, ...host, secret: [secret, older] },
      timeout: { appliesTo: signedIn, endpoint: '/session-timeout' }
    })
    const live = createBrowser(app)
    await live.post('/sign-in')
    const rotated = createBrowser(before)
    await rotated.post('/sign-in')
    const resigned = createBrowser(app)
    resigned.setCookie('sessionId', rotated.cookie('sessionId')!)
    const forged = createBrowser(app)
    forged.setCookie('sessionId', 'forged.cookie')
    const unknown = createBrowser(app)
    await unknown.post('/sign-in')
    store.data.delete(decodeURIComponent(unknown.cookie('sessionId')!).split('.')[0]!)
    clock.tick(10 * minute)

    for (const [who, browser] of Object.entries({ live, resigned, forged, unknown, nobody: createBrowser(app) })) {
      for (const method of ['GET', 'HEAD'] as const) {
        const first = await browser.clone().request({ method, url })
        t.equal(first.statusCode, 200, `${who}, ${method}`)
        const again = await browser.clone().request({ method, url, headers: { 'if-none-match': String(first.headers.etag) } })
        t.equal(again.statusCode, 304)
        for (const page of [first, again]) {
          t.same(page.setCookies, [], `${who} gets no cookie`)
          t.equal(page.headers['server-timing'], undefined)
        }
      }
    }
    t.equal((await live.get('/me')).json().userId, 'ada', 'and nothing has ended')
    clock.tick(30 * minute)
    const late = await live.clone().get(url)
    t.same(late.setCookies, [], 'an ended one neither')
    t.equal(late.headers['server-timing'], undefined)
  })
}

t.test('the file is revalidated at each load, so that a fix arrives with the next', async t => {
  const { app } = await buildApp(t, { timeout: { endpoint: '/session-timeout' } })
  const page = await app.inject(url)
  t.match(page.headers['cache-control'], 'no-cache')
  t.ok(page.headers.etag)
})
