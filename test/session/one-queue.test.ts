import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { openScene, settle, until } from '../helpers/scene.js'
import { FaultyStore, JsonStore, random } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const saves = Number(process.env.RACE_TRIALS ?? 60)
const sessions = saves / 4
const atOnce = 50

interface Record {
  startedAt: number
  lastActivity: number
}

function routes (app: FastifyInstance): void {
  app.post<{ Body: { item: string } }>('/cart', async request => {
    request.session.cart = [...request.session.cart ?? [], request.body.item]
    return { userId: request.session.userId ?? null }
  })
  app.post('/passive-note', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => {
    request.session.note = 'kept'
    return 'noted'
  })
  app.post('/restart', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => {
    await request.sessionTimeout.restart()
    return { startedAt: request.sessionTimeout.startedAt }
  })
}

async function open (t: Parameters<typeof buildApp>[0]) {
  const inner = new JsonStore()
  const scene = await openScene(t, { store: new FaultyStore(inner), timeout: { touchInterval: '1m' }, routes })
  return { ...scene, inner, record: () => inner.peek(scene.id)!.sessionTimeout as Record }
}

t.test('a touch does not write over what a sibling saves while it is under way', async t => {
  const { clock, store, inner, browser, id } = await open(t)
  clock.tick(10 * minute)
  store.plan.set.push('hang')
  const touching = browser.clone().get('/me')
  await until(() => store.held > 0, 'the touch')
  const saving = browser.clone().post('/passive-note')
  await settle()
  store.release()
  t.match((await touching).json(), { userId: 'ada' })
  t.equal((await saving).body, 'noted')
  t.match(inner.peek(id), { note: 'kept' })
})

t.test('a save does not take back what a sibling touched while it is under way', async t => {
  const { clock, store, browser, record } = await open(t)
  store.plan.set.push('hang')
  const saving = browser.clone().post('/passive-note')
  await until(() => store.held > 0, 'the save')
  clock.tick(20 * minute)
  const touching = browser.clone().get('/me')
  await settle()
  store.release()
  await Promise.all([saving, touching])
  t.equal(record().lastActivity, clock.now())
  clock.tick(10 * minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
})

t.test('a touch does not undo a restart', async t => {
  const { clock, store, browser, record } = await open(t)
  clock.tick(10 * minute)
  store.plan.set.push('hang')
  const touching = browser.clone().get('/me')
  await until(() => store.held > 0, 'the touch')
  clock.tick(second)
  const restarting = browser.clone().post('/restart')
  await settle()
  store.release()
  await touching
  t.equal((await restarting).json().startedAt, clock.now())
  t.same(record(), { startedAt: clock.now(), lastActivity: clock.now() })
})

t.test('a save that began before a restart does not undo it', async t => {
  const { clock, store, browser, record } = await open(t)
  clock.tick(second)
  store.plan.set.push('hang')
  const saving = browser.clone().post('/passive-note')
  await until(() => store.held > 0, 'the save')
  clock.tick(second)
  const restarting = browser.clone().post('/restart')
  await settle()
  store.release()
  await Promise.all([saving, restarting])
  t.same(record(), { startedAt: clock.now(), lastActivity: clock.now() })
})

t.test('a sign-out waits for a write that is under way, and nothing is left', async t => {
  const { clock, store, inner, browser } = await open(t)
  clock.tick(10 * minute)
  store.plan.set.push('hang')
  const touching = browser.clone().get('/me')
  await until(() => store.held > 0, 'the touch')
  const leaving = browser.clone().post('/sign-out')
  await settle()
  store.release()
  await touching
  t.equal((await leaving).statusCode, 200)
  t.same(inner.sessions(), [])
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('an end that waits behind a sign-out learns of it, and does nothing', async t => {
  const { clock, store, inner, browser, logs } = await open(t)
  store.plan.set.push('hang')
  const saving = browser.clone().post('/passive-note')
  await until(() => store.held > 0, 'the save')
  const leaving = browser.clone().post('/sign-out')
  await settle()
  clock.tick(30 * minute)
  const late = browser.clone().get('/me')
  await settle()
  const { set } = store.counts
  store.release()
  await Promise.all([saving, leaving])
  t.match((await late).json(), { userId: null, ended: 'missing' })
  t.same(inner.sessions(), [])
  t.equal(store.counts.set - set, 1, 'the mark alone')
  t.same(logs.filter(line => line.msg === 'session timed out'), [])
})

t.test('a touch and a restart wait for no save, and for no sign-out behind it', async t => {
  const { clock, store, inner, browser, id } = await open(t)
  store.plan.set.push('hang')
  const saving = browser.clone().post('/passive-note')
  await until(() => store.held > 0, 'the save')
  const leaving = browser.clone().post('/sign-out')
  await settle()
  clock.tick(2 * minute)
  t.match((await browser.clone().get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
  clock.tick(1)
  t.equal((await browser.clone().post('/restart')).json().startedAt, clock.now())
  store.release()
  await Promise.all([saving, leaving])
  await settle()
  t.same(inner.sessions(), [])
  for (const kind of ['activity', 'start'] as const) t.notOk(inner.data.has(entryId(id, kind)), 'its clock is gone with it')
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'missing' })
})

t.test('operations of one session do not wait for those of another', async t => {
  const { app, clock, store, browser } = await open(t)
  const other = createBrowser(app)
  await other.post('/sign-in?user=bob')
  clock.tick(10 * minute)
  store.plan.set.push('hang')
  const touching = browser.clone().get('/me')
  await until(() => store.held > 0, 'the touch')
  t.match((await other.get('/me')).json(), { userId: 'bob', remaining: 30 * minute })
  store.release()
  await touching
})

t.test('a write that fails does not hold up those behind it', async t => {
  const { clock, store, inner, browser, id } = await open(t)
  for (const fault of ['error', 'throw', 'reject'] as const) {
    clock.tick(10 * minute)
    store.plan.set.push(fault)
    const touching = browser.clone().get('/me')
    const saving = browser.clone().post('/cart', { item: fault })
    t.equal((await touching).statusCode, 200)
    await saving
    t.equal((await browser.post('/cart', { item: `after ${fault}` })).statusCode, 200)
    t.ok((inner.peek(id)!.cart as string[]).includes(`after ${fault}`))
  }
})

t.test(`of ${saves} items that are put into carts while siblings touch, none is lost`, async t => {
  const clock = fakeClock(t)
  const store = new JsonStore({ max: 3 })
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, touchInterval: 1 }, routes })
  const next = random(3)
  const items = ['book', 'pen', 'lamp', 'ink']
  let lost = 0
  let failures = 0
  for (let done = 0; done < sessions; done += atOnce) await Promise.all(Array.from({ length: atOnce }, trial))
  t.same({ lost, failures }, { lost: 0, failures: 0 })

  async function trial (): Promise<void> {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const id = decodeURIComponent(browser.cookie('sessionId')!).split('.')[0]!
    await Promise.all([fill(), ...items.map(look)])
    const cart = store.peek(id)?.cart as string[] | undefined
    lost += items.filter(item => !cart?.includes(item)).length

    async function fill (): Promise<void> {
      for (const item of items) {
        clock.tick(1)
        if ((await browser.clone().post('/cart', { item })).json().userId !== 'ada') failures++
      }
    }

    async function look (): Promise<void> {
      await sleep(next() * 50)
      clock.tick(1)
      if ((await browser.clone().get('/me')).json().userId !== 'ada') failures++
    }
  }
})

t.test(`in ${sessions} sessions under parallel touches, saves and reports, lastActivity never steps back`, async t => {
  const clock = fakeClock(t)
  const store = new JsonStore({ max: 3 })
  const latest = new Map<string, number>()
  let steps = 0
  let writes = 0
  const { set } = store.data
  store.data.set = (id, json) => {
    const record = JSON.parse(json).sessionTimeout as Record | undefined
    if (record) {
      writes++
      if (record.lastActivity < (latest.get(id) ?? 0)) steps++
      latest.set(id, record.lastActivity)
    }
    return set.call(store.data, id, json)
  }
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn, touchInterval: 1, endpoint: '/session-timeout' },
    routes
  })
  const next = random(4)
  for (let done = 0; done < sessions; done += atOnce) await Promise.all(Array.from({ length: atOnce }, trial))
  t.equal(steps, 0)
  t.ok(writes > sessions * 3, `${writes} writes were seen`)

  async function trial (): Promise<void> {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    await Promise.all([
      later(() => browser.clone().get('/me')),
      later(() => browser.clone().post('/passive-note')),
      later(() => browser.clone().post('/cart', { item: 'book' })),
      later(() => browser.clone().post('/session-timeout', { idleFor: Math.floor(next() * 5) })),
      later(() => browser.clone().get('/me'))
    ])
  }

  async function later (deed: () => Promise<unknown>): Promise<void> {
    await sleep(next() * 10)
    clock.tick(1)
    await deed()
  }
})

t.test('100 requests in one millisecond write once, with touchInterval 0 too', async t => {
  const { clock, store, browser } = await openScene(t, { timeout: { touchInterval: 0 } })
  for (const order of ['at once', 'one after the other']) {
    clock.tick(second)
    const { set } = store.counts
    if (order === 'at once') await Promise.all(Array.from({ length: 100 }, () => browser.clone().get('/me')))
    else for (let i = 0; i < 100; i++) await browser.clone().get('/me')
    t.equal(store.counts.set - set, 1, order)
  }
})
