import { randomBytes, randomUUID } from 'node:crypto'
import session, { type SessionStore } from '@fastify/session'
import type { FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { createBrowser } from '../helpers/browser.js'
import { createGate, type Gate } from '../helpers/gate.js'
import { openTwins, settle, until, type Twin } from '../helpers/scene.js'
import { FaultyStore, JsonStore, SharedStore } from '../helpers/stores.js'

const trials = 10

interface Held {
  gate: Gate
  request: FastifyRequest
}

interface Race {
  here: Twin
  there: Twin
  /** Signs a user in. */
  enter (): Promise<{ id: string, cookie: string }>
  /** Works in either process; the old cookie is signed in there. */
  isBack (cookie: string): Promise<boolean>
  /** A request with that cookie, held in its handler; then it signs out. */
  signOutHeld (process: Twin, cookie: string): Promise<{ request: FastifyRequest, answer: Promise<unknown>, open: () => void }>
}

async function open (t: Test, stores: readonly [SessionStore, SessionStore], withPlugin = true): Promise<Race> {
  const held = new Map<string, Held>()
  let number = 0
  const { here, there } = await openTwins(t, stores, {
    ...(withPlugin ? {} : { timeout: false }),
    routes (app) {
      app.post('/note', async request => {
        request.session.note = `note ${number++}`
        return 'noted'
      })
      app.post<{ Querystring: { held: string } }>('/held', async request => {
        const one = held.get(request.query.held)!
        one.request = request
        await one.gate.pass()
        return 'let go'
      })
    }
  })
  return {
    here,
    there,
    async enter () {
      const browser = createBrowser(here.app)
      await browser.post('/sign-in')
      const cookie = browser.cookie('sessionId')!
      return { cookie, id: decodeURIComponent(cookie).split('.')[0]! }
    },
    async isBack (cookie) {
      const pages = await Promise.all([here, there].map(({ app }) => app.inject({ url: '/me', headers: { cookie: `sessionId=${cookie}` } })))
      return pages.some(page => page.json().userId !== null)
    },
    async signOutHeld (process, cookie) {
      const name = String(number++)
      const one: Held = { gate: createGate(), request: undefined! }
      held.set(name, one)
      const answer = process.app.inject({ method: 'POST', url: `/held?held=${name}`, headers: { cookie: `sessionId=${cookie}` } })
      await one.gate.reached
      return { request: one.request, answer, open: one.gate.open }
    }
  }
}

/** While one process writes the session, another signs it out: just before the write lands. */
async function raceShared (t: Test, stores: readonly [SharedStore, SharedStore], withPlugin = true): Promise<number> {
  const race = await open(t, stores, withPlugin)
  let back = 0
  for (let trial = 0; trial < trials; trial++) {
    const { id, cookie } = await race.enter()
    const leaving = await race.signOutHeld(race.there, cookie)
    let destroyed: Promise<void> | undefined
    stores[0].beforeWrite = { id, deed: () => { destroyed = leaving.request.session.destroy() } }
    await race.here.app.inject({ method: 'POST', url: '/note', headers: { cookie: `sessionId=${cookie}` } })
    if (destroyed === undefined) throw new Error('The write was not seen')
    await destroyed
    leaving.open()
    await leaving.answer
    if (await race.isBack(cookie)) back++
  }
  return back
}

t.test('without the plugin a sign-out is undone by a write in another process: the test can see the fault', async t => {
  const data = new Map<string, string>()
  t.equal(await raceShared(t, [new SharedStore(data), new SharedStore(data)], false), trials)
})

t.test(`of ${trials} sign-outs on a store that is synchronous and shared, none is undone by another process`, async t => {
  const data = new Map<string, string>()
  t.equal(await raceShared(t, [new SharedStore(data), new SharedStore(data)]), 0)
})

/** Answers the first read at once, from a cache or with an error, and everything later over the network. */
class WarmingStore extends FaultyStore {
  constructor (inner: JsonStore, fault: 'error' | 'throw') {
    super(inner)
    this.plan.get.push(fault)
  }
}

for (const fault of ['error', 'throw'] as const) {
  t.test(`of ${trials} sign-outs on a store whose first answer came at once, as ${fault}, none is undone`, async t => {
    const data = new Map<string, string>()
    const stores = [new WarmingStore(new JsonStore({ data }), fault), new WarmingStore(new JsonStore({ data }), fault)] as const
    const race = await open(t, stores)
    // The first answer of each store, for somebody else.
    for (const { app } of [race.here, race.there]) {
      await app.inject({ url: '/me', headers: { cookie: `sessionId=${(await race.enter()).cookie}` } })
    }
    for (const store of stores) t.same(store.plan.get, [], 'it has failed')
    t.equal(await raceHeld(race, stores), 0)
  })
}

t.test(`of ${trials} sign-outs on a store that answers from a cache first, none is undone`, async t => {
  const data = new Map<string, string>()
  const stores = [new FaultyStore(new JsonStore({ data })), new FaultyStore(new JsonStore({ data }))] as const
  const race = await open(t, stores)
  for (const [index, { app }] of [race.here, race.there].entries()) {
    const { id, cookie } = await race.enter()
    const store = stores[index]!
    const { get } = store
    store.get = (key, answer) => answer(null, JSON.parse(data.get(key) ?? 'null'))
    await app.inject({ url: '/me', headers: { cookie: `sessionId=${cookie}` } })
    store.get = get
    t.ok(data.has(id))
  }
  t.equal(await raceHeld(race, stores), 0)
})

async function raceHeld (race: Race, stores: readonly [FaultyStore, FaultyStore]): Promise<number> {
  let back = 0
  for (let trial = 0; trial < trials; trial++) {
    const { cookie } = await race.enter()
    stores[0].plan.set.push('hang')
    const headers = { cookie: `sessionId=${cookie}` }
    const writing = race.here.app.inject({ method: 'POST', url: '/note', headers })
    await until(() => stores[0].held > 0, 'the write')
    await race.there.app.inject({ method: 'POST', url: '/sign-out', headers })
    stores[0].release()
    await writing
    if (await race.isBack(cookie)) back++
  }
  return back
}

const idGenerators: Record<string, [generate: (() => string) | undefined, alphabet: RegExp]> = {
  'the host makes': [undefined, /^[\w-]+$/],
  'are UUIDs': [randomUUID, /^[0-9a-f-]+$/],
  'have 32 hexadecimal digits': [() => randomBytes(16).toString('hex'), /^[0-9a-f]+$/],
  'are 128 characters long': [() => randomBytes(96).toString('base64url'), /^[\w-]+$/]
}

for (const [name, [idGenerator, alphabet]] of Object.entries(idGenerators)) {
  t.test(`what marks an end fits where session ids fit that ${name}`, async t => {
    const data = new Map<string, string>()
    const seen = new Set<string>()
    const stores = [new JsonStore({ data }), new JsonStore({ data })] as const
    for (const store of stores) {
      const { set, get } = store
      store.set = (id, value, callback) => {
        seen.add(id)
        set.call(store, id, value, callback)
      }
      store.get = (id, callback) => {
        seen.add(id)
        get.call(store, id, callback)
      }
    }
    const { here, there, id } = await openTwins(t, stores, { session: idGenerator ? { idGenerator } : {} })
    await there.browser.clone().post('/sign-out')
    t.equal((await here.browser.get('/me')).json().userId, null)
    await settle()
    t.ok(seen.size > 1, 'a mark was written or looked for')
    for (const key of seen) {
      t.ok(key.length <= id.length, `${key} is no longer than an id`)
      t.match(key, alphabet)
      t.ok(key === id || !key.includes(id))
    }
  })
}

t.test('a mark that cannot be written does not keep the session alive', async t => {
  const data = new Map<string, string>()
  const stores = [new JsonStore({ data }), new FaultyStore(new JsonStore({ data }))] as const
  const { here, there } = await openTwins(t, stores)
  stores[1].always.set = 'error'
  t.equal((await there.browser.clone().post('/sign-out')).statusCode, 200)
  t.equal((await here.browser.get('/me')).json().userId, null)
})

t.test("the host's own store, which is of this process alone, gets no marks", async t => {
  const kept = new Map()
  const store = new session.MemoryStore(kept)
  const { here } = await openTwins(t, [store, store])
  await here.browser.post('/sign-out')
  t.same([...kept.keys()], [])
})

t.test('a mark has the alphabet of the whole id, and no narrower one', async t => {
  const hex = '0123456789abcdef'.repeat(2)
  const rows: Array<[id: string, mark: RegExp]> = [
    [hex, /^[0-9a-f]{32}$/],
    [hex.toUpperCase(), /^[0-9A-F]{32}$/],
    [`${hex}-${hex}`, /^[0-9a-f]{32}-[0-9a-f]{32}$/],
    [`g${hex}`, /^(?=.*[g-v])[0-9a-v]{33}$/],
    [`${hex}z`, /^(?=.*[g-v])[0-9a-v]{33}$/],
    // Of several alphabets, or too short to be told from somebody's id: as the host makes them.
    ...[`_${hex}`, `${hex}_`, `G${hex}`, `${hex}G`, `a${hex.toUpperCase()}`, `${hex.toUpperCase()}a`, 'abc', ''].map((id): [string, RegExp] => [id, /^(?=.*[A-Z])[\w-]{32}$/])
  ]
  for (const [id, mark] of rows) t.match(entryId(id, 'ended'), mark, id)
  t.equal(new Set(rows.map(([id]) => entryId(id, 'ended'))).size, rows.length, 'and each its own')
  t.equal(entryId(hex, 'ended'), entryId(hex, 'ended'), 'the same in every process')
})
