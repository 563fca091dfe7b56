import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { openScene } from '../helpers/scene.js'
import { buildApp, signedIn } from '../helpers/app.js'
import { createGate } from '../helpers/gate.js'
import { JsonStore, SharedStore } from '../helpers/stores.js'
import { hour, minute, second } from '../helpers/time.js'

for (const after of [0, 1, second, minute - 1]) {
  t.test(`without a grace, who comes ${after} ms past the deadline is told why`, async t => {
    const { browser, clock, store } = await openScene(t, { timeout: { storeGrace: 0 } })
    clock.tick(30 * minute + after)
    t.match((await browser.clone().get('/me')).json(), { userId: null, ended: 'idle' })
    t.match((await browser.clone().get('/me')).json(), { userId: null, ended: 'idle' }, 'whoever comes second, too')
    t.same(store.sessions(), [], '@fastify/session has put nothing in its place')
  })
}

t.test('without a grace, who came in time stays, whoever meets the deadline meanwhile', async t => {
  const data = new Map<string, string>()
  const gate = createGate()
  const { app, browser, clock, id } = await openScene(t, {
    store: new JsonStore({ data }),
    timeout: { storeGrace: 0, touchInterval: '10m' },
    routes (app) {
      app.get('/slow', async request => {
        await gate.pass()
        return request.session.sessionId
      })
    }
  })
  clock.tick(30 * minute - 1)
  // Its touch is stored before its handler runs.
  const inTime = browser.clone().get('/slow')
  await gate.reached
  clock.tick(1)
  const pages = await Promise.all(Array.from({ length: 10 }, () => browser.clone().get('/me')))
  t.same(new Set(pages.map(page => page.json().sessionId)), new Set([id]))
  gate.open()
  t.equal((await inTime).body, id)
  t.equal((await app.inject({ url: '/me', headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })).json().userId, 'ada')
})

t.test('without a grace, a session lives by a clock that moves beside it, and ends by it', async t => {
  const { browser, clock, id } = await openScene(t, { timeout: { storeGrace: 0, absoluteTimeout: '2h' } })
  for (let passed = 20; passed < 120; passed += 20) {
    clock.tick(20 * minute)
    t.match((await browser.get('/me')).json(), { userId: 'ada', sessionId: id })
  }
  clock.tick(20 * minute - 1)
  t.match((await browser.clone().get('/me')).json(), { userId: 'ada', sessionId: id }, 'a millisecond before the absolute deadline')
  clock.tick(1)
  t.match((await browser.clone().get('/me')).json(), { userId: null, ended: 'absolute' })
})

for (const Store of [JsonStore, SharedStore]) {
  t.test(`two scopes with different limits over one ${Store.name}: the stricter one leaves the copy its life`, async t => {
    const clock = fakeClock(t)
    const store = new Store()
    const open = async (timeout: object) => (await buildApp(t, {
      session: { store },
      timeout: { appliesTo: signedIn, storeGrace: 0, ...timeout },
      routes (app) {
        app.post('/note', async request => {
          request.session.note = request.id
          return 'noted'
        })
      }
    })).app
    const lax = createBrowser(await open({ idleTimeout: '8h', absoluteTimeout: false }))
    const strict = createBrowser(await open({ idleTimeout: '5m', absoluteTimeout: '1h' }))
    await lax.post('/sign-in')
    strict.setCookie('sessionId', lax.cookie('sessionId')!)
    const id = decodeURIComponent(lax.cookie('sessionId')!).split('.')[0]!
    const expires = (): string => (JSON.parse(store.data.get(id)!) as { cookie: { expires: string } }).cookie.expires
    const before = expires()
    clock.tick(4 * minute)
    t.equal((await strict.post('/note')).body, 'noted')
    t.ok(Date.parse(expires()) >= Date.parse(before), `${expires()}, before ${before}`)
    clock.tick(8 * hour - 1)
    t.equal((await lax.get('/me')).json().userId, 'ada', 'the laxer one finds its user')
  })
}
