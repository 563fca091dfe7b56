import session from '@fastify/session'
import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, type Page } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const hosts: Array<[string, () => ConstructorParameters<typeof CountingStore>[0]]> = [
  ['a store in memory', () => new session.MemoryStore()],
  ['a store over the network', () => new JsonStore({ min: 0, max: 5 })]
]

function distinct (pages: Page[], pick: (page: Page) => unknown): unknown[] {
  return [...new Set(pages.map(page => JSON.stringify(pick(page))))].map(json => JSON.parse(json))
}

for (const [name, makeStore] of hosts) {
  t.test(`50 parallel requests of one ended session: one destroy, one onTimeout, one log line, one answer, with ${name}`, async t => {
    const clock = fakeClock(t)
    const answers: Array<[NonNullable<AppOptions['timeout']>, (page: Page) => unknown, unknown]> = [
      [{ afterTimeout: 'continue' }, page => [page.statusCode, page.json().userId, page.json().ended], [200, null, 'idle']],
      [{ afterTimeout: 'unauthorized' }, page => [page.statusCode, page.json().code, page.headers['www-authenticate']], [401, 'FST_SESSION_TIMEOUT_ENDED', 'Session']],
      [{ afterTimeout: { redirectTo: '/login' } }, page => [page.statusCode, page.headers.location], [303, '/login?returnTo=%2Fme&reason=idle']]
    ]
    for (const [timeout, pick, expected] of answers) {
      const store = new CountingStore(makeStore())
      let told = 0
      const { app, logs } = await buildApp(t, { session: { store }, timeout: { ...timeout, appliesTo: signedIn, onTimeout: async () => { told++ } } })
      const browser = createBrowser(app)
      await browser.post('/sign-in')
      const { destroy } = store.counts
      clock.tick(30 * minute)
      const headers = { accept: 'text/html' }
      const stale = browser.clone()
      const pages = await Promise.all(Array.from({ length: 50 }, () => browser.clone().get('/me', headers)))
      t.same(distinct(pages, pick), [expected], 'all alike')
      t.same({ destroyed: store.counts.destroy - destroy, told, logged: logs.filter(line => line.msg === 'session timed out').length }, { destroyed: 1, told: 1, logged: 1 })
      for (const after of [0, 30_000, 29_999]) {
        clock.tick(after)
        t.same(pick(await stale.clone().get('/me', headers)), expected, 'those within a minute after, too')
      }
      t.same({ told, logged: logs.filter(line => line.msg === 'session timed out').length }, { told: 1, logged: 1 })
      clock.tick(2)
      t.same(pick(await stale.clone().get('/me', headers)), expected, 'and those after, for as long as the store keeps the mark of the end')
      t.same({ told, logged: logs.filter(line => line.msg === 'session timed out').length }, { told: 1, logged: 1 })
      clock.tick(2 * minute)
      const id = decodeURIComponent(stale.cookie('sessionId')!).split('.')[0]!
      await new Promise(resolve => store.destroy(entryId(id, 'ended'), resolve))
      const late = await stale.get('/me', headers)
      t.match(late.json(), { userId: null, ended: 'missing' }, 'after that the reason is forgotten')
    }
  })
}

t.test('requests of several sessions that end together are each ended once', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore({ max: 3 })
  const told: unknown[] = []
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, onTimeout: (_request, _reply, { session }) => { told.push(session.userId) } } })
  const users = await Promise.all(['ada', 'bob', 'eve'].map(async user => {
    const browser = createBrowser(app)
    await browser.post(`/sign-in?user=${user}`)
    return browser
  }))
  clock.tick(30 * minute)
  await Promise.all(users.flatMap(browser => [1, 2, 3].map(() => browser.clone().get('/me'))))
  t.same(told.toSorted(), ['ada', 'bob', 'eve'])
  t.same(store.sessions(), [])
})

t.test('other requests are answered while onTimeout runs', async t => {
  const clock = fakeClock(t)
  let release!: () => void
  const held = new Promise<void>(resolve => { release = resolve })
  const { app } = await buildApp(t, { session: { store: new JsonStore() }, timeout: { appliesTo: signedIn, onTimeout: () => held } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  const pages = [1, 2, 3].map(() => browser.clone().get('/me'))
  await Promise.race(pages)
  release()
  t.same(distinct(await Promise.all(pages), page => page.json().ended), ['idle'])
})

t.test('signing in again after an end gives a session like any other', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  await browser.get('/me')
  await browser.post('/sign-in')
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 30 * minute })
})

t.test('the absolute reason is remembered as well as the idle one', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: false, absoluteTimeout: '1h' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(60 * minute)
  const stale = browser.clone()
  t.equal((await browser.get('/me')).json().ended, 'absolute')
  t.equal((await stale.get('/me')).json().ended, 'absolute')
})
