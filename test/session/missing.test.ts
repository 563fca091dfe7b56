import session from '@fastify/session'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { hour } from '../helpers/time.js'

t.test('a cookie whose session is not in the store is missing: no message, no session, no answer of its own', async t => {
  for (const afterTimeout of ['unauthorized', { redirectTo: '/login' }] as const) {
    const store = new JsonStore()
    const { app, logs } = await buildApp(t, { session: { store }, flash: true, timeout: { appliesTo: signedIn, afterTimeout } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    store.data.clear()
    const { set } = store.counts
    const page = await browser.clone().navigate('/me')
    t.equal(page.statusCode, 200, 'the guard of the application speaks')
    t.match(page.json(), { userId: null, ended: 'missing', remaining: null })
    t.match(page.setCookies, [/^sessionId=; /], 'the host clears the stale cookie')
    t.equal(store.counts.set, set)
    t.same(logs.filter(line => line.msg === 'session timed out'), [])
  }
})

t.test('a store that reports ENOENT says that a session is missing', async t => {
  const inner = new session.MemoryStore()
  let gone = false
  const store = new CountingStore({
    get: (id, callback) => gone ? callback(Object.assign(new Error('no such session'), { code: 'ENOENT' })) : inner.get(id, callback),
    set: (id, session, callback) => inner.set(id, session, callback),
    destroy: (id, callback) => inner.destroy(id, callback)
  })
  const { app } = await buildApp(t, { session: { store } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  gone = true
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'missing' })
})

t.test('a forged cookie looks the same', async t => {
  const { app } = await buildApp(t, { flash: true, timeout: { afterTimeout: 'unauthorized' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const [id] = browser.cookie('sessionId')!.split('.')
  for (const value of [id!, `${id}.`, `${id}.forged`, 'x.y', '.', '..', 'null', '%00', '"', '%', 'a'.repeat(3000)]) {
    const forger = createBrowser(app)
    forger.setCookie('sessionId', value)
    const page = await forger.navigate('/me')
    t.equal(page.statusCode, 200, value.slice(0, 20))
    t.match(page.json(), { userId: null, ended: 'missing' })
  }
})

t.test('an empty cookie is none', async t => {
  const { app } = await buildApp(t)
  const browser = createBrowser(app)
  browser.setCookie('sessionId', '')
  t.match((await browser.get('/me')).json(), { userId: null })
})

t.test('without a cookie nothing is missing', async t => {
  const { app } = await buildApp(t)
  t.match((await createBrowser(app).get('/me')).json(), { ended: null })
})

t.test('a session that the application destroyed is missing afterwards', async t => {
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, afterTimeout: 'unauthorized' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const stale = browser.clone()
  t.equal((await browser.post('/sign-out')).body, 'bye')
  const page = await stale.get('/me')
  t.equal(page.statusCode, 200)
  t.match(page.json(), { userId: null, ended: 'missing' })
})

t.test('the successor that the host makes of an expired session is taken out of the store again', async t => {
  const clock = fakeClock(t)
  for (const signer of [undefined, { sign: (value: string) => `${value}!`, unsign: (value: string) => ({ valid: value.endsWith('!'), renew: false, value: value.slice(0, -1) }) }]) {
    const store = new JsonStore()
    const { app } = await buildApp(t, { session: { store, ...signer && { secret: signer } }, timeout: { appliesTo: signedIn } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    // Past the absolute limit and storeGrace: the host finds the stored copy expired.
    clock.tick(48 * hour)
    t.match((await browser.get('/me')).json(), { userId: null, ended: 'missing' })
    t.same(store.sessions(), [])
  }
})
