import session from '@fastify/session'
import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

const routes: NonNullable<AppOptions['routes']> = app => {
  app.post('/plain-sign-in', async request => { request.session.userId = 'ada' })
  app.post('/save', async request => {
    request.session.userId = 'ada'
    await request.session.save()
  })
  app.post('/regenerate-keeping', async request => {
    await request.session.regenerate(['userId'])
  })
}

function record (store: JsonStore): unknown {
  return store.peek(store.sessions()[0]!)!.sessionTimeout
}

t.test('a session gets its record in the write that first stores it', async t => {
  const clock = fakeClock(t)
  for (const url of ['/plain-sign-in', '/save']) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { session: { store }, routes })
    await createBrowser(app).post(url)
    t.equal(store.counts.set, 1, url)
    t.same(record(store), { startedAt: clock.now(), lastActivity: clock.now() })
  }
})

t.test('a session regenerated at sign-in begins with clocks of its own', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, routes })
  const browser = createBrowser(app)
  await browser.post('/plain-sign-in')
  const first = store.sessions()[0]!
  clock.tick(29 * minute)
  await browser.post('/regenerate-keeping')
  t.notSame(store.sessions()[0], first)
  t.equal(store.sessions().length, 1)
  t.same(record(store), { startedAt: clock.now(), lastActivity: clock.now() })
})

t.test('a stored session without a record is stamped at first sight', async t => {
  const clock = fakeClock(t)
  for (const store of [new JsonStore(), new session.MemoryStore()]) {
    const { app: before } = await buildApp(t, { session: { store }, timeout: false })
    const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
    const old = createBrowser(before)
    await old.post('/sign-in')
    clock.tick(90 * 24 * hour)
    const browser = createBrowser(app)
    browser.setCookie('sessionId', old.cookie('sessionId')!)
    t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 30 * minute })
    clock.tick(30 * minute - 1)
    t.equal((await browser.clone().get('/me')).json().userId, 'ada')
    clock.tick(30 * minute)
    t.equal((await browser.get('/me')).json().userId, null, 'and ends like any other')
  }
})

t.test('a passive request stamps a session without a record too', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app: before } = await buildApp(t, { session: { store }, timeout: false })
  const { app } = await buildApp(t, { session: { store }, timeout: { countsAsActivity: () => false } })
  const old = createBrowser(before)
  await old.post('/sign-in')
  const browser = createBrowser(app)
  browser.setCookie('sessionId', old.cookie('sessionId')!)
  await browser.get('/me')
  t.same(record(store), { startedAt: clock.now(), lastActivity: clock.now() })
})

t.test('1,000 anonymous requests cause no write and no cookie', async t => {
  const store = new CountingStore(new session.MemoryStore())
  const { app } = await buildApp(t, { session: { store }, flash: true, timeout: { endpoint: '/session-timeout' } })
  let cookies = 0
  for (let i = 0; i < 1000; i++) {
    const response = await app.inject({ url: i % 2 === 0 ? '/me' : '/session-timeout', headers: { accept: 'text/html' } })
    if (response.headers['set-cookie'] !== undefined) cookies++
  }
  t.same({ cookies, ...store.counts }, { cookies: 0, get: 0, set: 0, destroy: 0 })
})

t.test('1,000 requests with forged cookies cause no write and no session', async t => {
  const store = new CountingStore(new session.MemoryStore())
  const { app } = await buildApp(t, { session: { store }, flash: true, timeout: { afterTimeout: { redirectTo: '/login' } } })
  for (let i = 0; i < 1000; i++) {
    const browser = createBrowser(app)
    browser.setCookie('sessionId', `forged-${i}.signature`)
    const page = await browser.get('/me', { accept: 'text/html' })
    if (page.statusCode !== 200 || page.setCookies.some(line => !line.startsWith('sessionId=;'))) t.fail('a forged cookie was given something')
  }
  t.same(store.counts, { get: 0, set: 0, destroy: 0 })
})

t.test('1,000 requests of one user within one touchInterval cause one write: the sign-in', async t => {
  fakeClock(t)
  const store = new CountingStore(new session.MemoryStore())
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, routes })
  const browser = createBrowser(app)
  await browser.post('/plain-sign-in')
  const cookie = `sessionId=${browser.cookie('sessionId')}`
  let cookies = 0
  for (let i = 0; i < 1000; i++) {
    const response = await app.inject({ url: '/me', headers: { cookie } })
    if (response.headers['set-cookie'] !== undefined) cookies++
  }
  t.same({ cookies, set: store.counts.set, get: store.counts.get, destroy: store.counts.destroy }, { cookies: 0, set: 1, get: 1000, destroy: 0 })
})

t.test('nothing is stamped, saved or sent for a session that the application did not store', async t => {
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    routes: app => {
      app.get('/look', async request => {
        await request.sessionTimeout.touch()
        await request.sessionTimeout.restart()
        return { startedAt: request.sessionTimeout.startedAt, keys: Object.keys(request.session) }
      })
    }
  })
  const page = await createBrowser(app).get('/look')
  t.match(page.json(), { startedAt: null })
  t.same(store.counts, { get: 0, set: 0, destroy: 0 })
})
