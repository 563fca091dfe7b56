import type { Session } from 'fastify'
import t, { type Test } from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { fakeClock } from '../helpers/clock.js'
import { openTwins, settle } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { day, hour, minute, second } from '../helpers/time.js'

/** Forgets what is past its expiry, as stores with a TTL do. */
class ExpiringStore extends JsonStore {
  /** How often each session, or entry, was written. */
  readonly writes = new Map<string, number>()
  /** What happens before the next write of that entry. */
  beforeWrite: { id: string, deed: () => void } | undefined

  override get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    this.forget()
    super.get(id, callback)
  }

  override set (id: string, session: Session, callback: (error?: unknown) => void): void {
    this.writes.set(id, (this.writes.get(id) ?? 0) + 1)
    if (this.beforeWrite?.id === id) this.beforeWrite.deed()
    super.set(id, session, callback)
  }

  forget (): void {
    for (const [id, json] of this.data) {
      const { cookie } = JSON.parse(json) as { cookie: { expires: string } }
      if (Date.parse(cookie.expires) <= Date.now()) this.data.delete(id)
    }
  }
}

async function open (t: Test, timeout: object) {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const store = new ExpiringStore({ data })
  const twins = await openTwins(t, [store, new ExpiringStore({ data })], {
    timeout: { absoluteTimeout: false, ...timeout },
    routes (app) {
      app.post('/note', async request => {
        request.session.note = 'kept'
        return 'noted'
      })
    }
  })
  return { clock, data, store, ...twins }
}

for (const storeGrace of ['24h', 0]) {
  t.test(`a session in use for 25 hours without a save is still in the store, with storeGrace ${storeGrace}`, async t => {
    const { clock, data, store, here, id } = await open(t, { storeGrace })
    const before = data.get(id)
    const writes = store.writes.get(id)
    for (let passed = 0; passed < 25 * hour; passed += 20 * minute) {
      clock.tick(20 * minute)
      t.equal((await here.browser.get('/me')).json().userId, 'ada')
    }
    store.forget()
    t.equal(data.get(id), before, 'as it was')
    t.equal(store.writes.get(id), writes)
    clock.tick(30 * minute)
    t.match((await here.browser.get('/me')).json(), { userId: null, ended: 'idle' })
  })

  t.test(`one in use for 20 days is written anew when its copy gets short, with storeGrace ${storeGrace}`, async t => {
    const { clock, data, store, here, id } = await open(t, { storeGrace, idleTimeout: '8h' })
    const writes = store.writes.get(id)!
    for (let passed = 0; passed < 20 * day; passed += 4 * hour) {
      clock.tick(4 * hour)
      const page = await here.browser.get('/me')
      if (page.json().userId !== 'ada') return t.fail(`lost after ${passed / hour} h`)
    }
    store.forget()
    t.ok(data.has(id))
    t.equal(store.writes.get(id), writes + 2, 'twice')
    clock.tick(8 * hour)
    t.match((await here.browser.get('/me')).json(), { userId: null, ended: 'idle' })
  })
}

t.test('what is saved just before, or at the same time, is in the copy that is written anew', async t => {
  const { clock, data, here, there, id } = await open(t, { idleTimeout: '8h' })
  const expires = (): number => Date.parse((JSON.parse(data.get(id)!) as { cookie: { expires: string } }).cookie.expires)
  const short = JSON.parse(data.get(id)!) as { cookie: { expires: string } }
  for (const process of [here, there]) {
    // As short as a copy can get in use.
    data.set(id, JSON.stringify({ ...short, cookie: { ...short.cookie, expires: new Date(clock.now() + 9 * hour).toISOString() } }))
    clock.tick(4 * hour)
    const before = expires()
    await Promise.all([here.browser.clone().get('/me'), here.browser.clone().post('/note'), here.browser.clone().get('/me')])
    t.match(JSON.parse(data.get(id)!), { note: 'kept', userId: 'ada' }, 'at the same time')
    t.ok(expires() > before)
    data.set(id, JSON.stringify({ ...short, cookie: { ...short.cookie, expires: new Date(clock.now() + 9 * hour).toISOString() }, note: 'before' }))
    clock.tick(4 * hour)
    t.match((await process.browser.clone().get('/me')).json(), { userId: 'ada' })
    t.match(JSON.parse(data.get(id)!), { note: 'before' }, 'just before')
    t.ok(expires() > clock.now() + 7 * day, 'and it is long again')
    clock.tick(second)
  }
})

t.test('a session that was ended elsewhere is not written anew', async t => {
  const { clock, data, here, there, id } = await open(t, { idleTimeout: '8h' })
  const short = JSON.parse(data.get(id)!) as { cookie: object }
  data.set(id, JSON.stringify({ ...short, cookie: { ...short.cookie, expires: new Date(clock.now() + 9 * hour).toISOString() } }))
  clock.tick(4 * hour)
  const pages = await Promise.all([here.browser.clone().get('/me'), there.browser.clone().post('/sign-out')])
  t.same(pages.map(page => page.statusCode), [200, 200])
  await settle()
  t.notOk(data.has(id))
  t.equal((await here.browser.get('/me')).json().userId, null)
})

t.test('a copy that got short is left as another process has made it', async t => {
  const { clock, data, store, here, id } = await open(t, { idleTimeout: '8h' })
  const { userId: _user, sessionTimeout: _clock, ...rest } = JSON.parse(data.get(id)!) as { userId: string, sessionTimeout: object, cookie: object }
  const expires = new Date(clock.now() + 9 * hour).toISOString()
  const visitor = JSON.stringify({ ...rest, cookie: { ...rest.cookie, expires } })
  data.set(id, JSON.stringify({ ...JSON.parse(data.get(id)!), cookie: { ...rest.cookie, expires } }))
  clock.tick(4 * hour)
  store.beforeWrite = { id: entryId(id, 'activity'), deed: () => { data.set(id, visitor) } }
  await here.browser.clone().get('/me')
  t.equal(data.get(id), visitor, 'without its user')
  store.beforeWrite = undefined
})

t.test('a copy that got short and was removed by another process stays removed', async t => {
  const { clock, data, store, here, id } = await open(t, { idleTimeout: '8h' })
  const stored = JSON.parse(data.get(id)!) as { cookie: object }
  data.set(id, JSON.stringify({ ...stored, cookie: { ...stored.cookie, expires: new Date(clock.now() + 9 * hour).toISOString() } }))
  clock.tick(4 * hour)
  store.beforeWrite = { id: entryId(id, 'activity'), deed: () => { data.delete(id) } }
  t.equal((await here.browser.clone().get('/me')).json().userId, null)
  t.notOk(data.has(id))
})
