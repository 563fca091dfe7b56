import type { Session } from 'fastify'
import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import type { AppOptions } from '../helpers/app.js'
import { createGate } from '../helpers/gate.js'
import { openTwins } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { day, minute } from '../helpers/time.js'
import { fakeClock } from '../helpers/clock.js'

type Replaced = (error: unknown, replaced?: boolean) => void

/** Writes over what is there, and only then: in one step, as a server does. */
class ReplacingStore extends JsonStore {
  /** Fails the next one, before or after it was done. */
  fault: 'before' | 'after' | undefined
  /** Another process ends the session just before. */
  goes = false

  replace (id: string, session: Session, callback: Replaced): void {
    const { fault } = this
    this.fault = undefined
    if (this.goes) this.data.delete(id)
    if (fault === 'before') return callback(new Error('down'))
    this.get(id, (_error, found) => {
      if (found) this.data.set(id, JSON.stringify(session))
      if (fault === 'after') callback(new Error('The answer was lost'))
      else callback(null, Boolean(found))
    })
  }
}

async function open (t: Parameters<typeof openTwins>[0], timeout: AppOptions['timeout'] = {}) {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const stores = [new ReplacingStore({ data }), new ReplacingStore({ data })] as const
  const gate = createGate()
  const twins = await openTwins(t, stores, {
    timeout,
    routes (app) {
      app.post('/note', async request => {
        request.session.note = 'written'
        return { userId: request.session.userId ?? null }
      })
      app.post('/held', async request => {
        await gate.pass()
        request.session.note = 'held'
        return 'done'
      })
    }
  })
  return { ...twins, clock, data, gate, store: stores[0] }
}

/** A session in use for so long that a touch has to write its stored copy anew. */
async function openOld (t: Parameters<typeof openTwins>[0]) {
  const scene = await open(t, { absoluteTimeout: false })
  const startedAt = scene.clock.now()
  scene.clock.tick(8 * day)
  scene.store.moveClock(scene.id, { startedAt, lastActivity: scene.clock.now() - 10 * minute })
  return scene
}

t.test('a store with a replace of its own is given no marks, and is asked for none', async t => {
  const { here, there, clock, data, id, store } = await open(t)
  clock.tick(10 * minute)
  const { get } = store.counts
  t.equal((await here.browser.get('/me')).json().userId, 'ada')
  t.equal(store.counts.get - get, 2, 'the load, and the look at the clock')
  await here.browser.clone().post('/note')
  t.equal(store.counts.get - get, 5, 'the load, the look before the save, and the look inside replace')
  await there.browser.post('/sign-out')
  t.same([...data.keys()], [entryId(id, 'activity')], 'the clock, which expires by itself')
})

t.test('a request in flight does not bring back what another process has ended', async t => {
  const { here, there, data, gate } = await open(t)
  const held = here.browser.clone().post('/held')
  await gate.reached
  await there.browser.post('/sign-out')
  gate.open()
  const page = await held
  t.equal(page.statusCode, 200)
  t.same(page.setCookies.filter(line => !line.startsWith('sessionId=;')), [])
  t.equal(data.size, 0)
  t.equal((await here.browser.get('/me')).json().userId, null)
})

t.test('a session that goes between the read and the replace is learnt to be over', async t => {
  const { here, store } = await openOld(t)
  store.goes = true
  t.match((await here.browser.clone().get('/me')).json(), { userId: null, ended: 'missing' })
  t.same(store.sessions(), [])
})

t.test('a session that is destroyed between the read and the replace of a save is over', async t => {
  const { here, data, store } = await open(t)
  store.goes = true
  const page = await here.browser.clone().post('/note')
  t.equal(page.statusCode, 200)
  t.same(page.setCookies.filter(line => !line.startsWith('sessionId=;')), [])
  t.equal(data.size, 0)
})

for (const fault of ['before', 'after'] as const) {
  t.test(`a replace that fails ${fault} it was done does not keep a request from being handled by a touch`, async t => {
    const { here, there, store } = await openOld(t)
    store.fault = fault
    t.match((await here.browser.clone().get('/me')).json(), { userId: 'ada' })
    t.equal(store.fault, undefined, 'it was asked')
    await there.browser.post('/sign-out')
    t.same(store.sessions(), [])
  })

  t.test(`and fails the request whose save it was, ${fault}`, async t => {
    const { here, there, data, store } = await open(t)
    store.fault = fault
    t.equal((await here.browser.clone().post('/note')).statusCode, 500)
    t.match((await here.browser.clone().get('/me')).json(), { userId: 'ada' }, 'the session lives on')
    await there.browser.post('/sign-out')
    t.equal(data.size, 0)
  })
}
