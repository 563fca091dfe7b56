import t, { type Test } from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { createGate, type Gate } from '../helpers/gate.js'
import { openScene, openTwins, settle, type Twin } from '../helpers/scene.js'
import { LossyStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const trials = 10

interface Scene {
  clock: FakeClock
  data: Map<string, string>
  store: LossyStore
  here: Twin
  there: Twin
  users: Array<{ id: string, cookie: string }>
}

/** Many users whose sessions are written in one process; the answers are lost, and the writes on their way. */
async function open (t: Test, way: 'a save' | 'a touch', signOut: (scene: Scene, headers: { cookie: string }) => Promise<unknown>): Promise<Scene> {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new LossyStore({ data })
  const gates = new Map<string, Gate>()
  const { here, there } = await openTwins(t, [store, new LossyStore({ data })], {
    routes (app) {
      app.post('/note', async request => {
        request.session.note = 'late'
        await gates.get(request.session.sessionId)!.pass()
        return 'noted'
      })
    }
  })
  const users = await Promise.all(Array.from({ length: trials }, async () => {
    const browser = createBrowser(here.app)
    await browser.post('/sign-in')
    const cookie = browser.cookie('sessionId')!
    return { cookie, id: decodeURIComponent(cookie).split('.')[0]! }
  }))
  const scene = { clock, data, store, here, there, users }
  // A touch writes beside the session.
  const ids = new Set(users.map(({ id }) => way === 'a touch' ? entryId(id, 'activity') : id))
  store.loses = id => ids.has(id)
  clock.tick(way === 'a touch' ? 10 * minute : second)
  await Promise.all(users.map(async ({ id, cookie }) => {
    const headers = { cookie: `sessionId=${cookie}` }
    if (way === 'a touch') await here.app.inject({ url: '/me', headers })
    else {
      const gate = createGate()
      gates.set(id, gate)
      const writing = here.app.inject({ method: 'POST', url: '/note', headers })
      await gate.reached
      gate.open()
      await writing
    }
  }))
  store.loses = () => false
  await Promise.all(users.map(({ cookie }) => signOut(scene, { cookie: `sessionId=${cookie}` })))
  return scene
}

async function signedIn ({ users }: Scene, { app }: Twin): Promise<number> {
  const pages = await Promise.all(users.map(({ cookie }) => app.inject({ url: '/me', headers: { cookie: `sessionId=${cookie}` } })))
  return pages.filter(page => page.json().userId !== null).length
}

function left ({ users, data }: Scene): number {
  return users.filter(({ id }) => data.has(id)).length
}

/** Fake time passes while the store, whose delays are real, keeps up. */
async function pass (clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += second) {
    await clock.run(second)
    await settle()
  }
}

for (const way of ['a save', 'a touch'] as const) {
  t.test(`${way} that lands after its answer was lost and the user has signed out in the same process`, async t => {
    const scene = await open(t, way, ({ here }, headers) => here.app.inject({ method: 'POST', url: '/sign-out', headers }))
    t.ok(scene.store.land() >= trials, 'the writes landed')
    t.equal(await signedIn(scene, scene.here), 0, 'no old cookie works')
    await pass(scene.clock, 20 * second)
    t.equal(await signedIn(scene, scene.there), 0, 'nor in another process, a little later')
    t.equal(left(scene), 0, 'nothing is left in the store')
  })

  for (const after of [second, 40 * second]) {
    t.test(`${way} that lands ${after} ms after its answer was lost and the user has signed out elsewhere`, async t => {
      const scene = await open(t, way, ({ there }, headers) => there.app.inject({ method: 'POST', url: '/sign-out', headers }))
      await pass(scene.clock, after)
      t.ok(scene.store.land() >= trials, 'the writes landed')
      t.equal(await signedIn(scene, scene.there), 0, 'no old cookie works where the user signed out')
      await pass(scene.clock, 20 * second)
      t.equal(await signedIn(scene, scene.here), 0, 'nor in the process that wrote, a little later')
      t.equal(left(scene), 0, 'nothing is left in the store')
      await pass(scene.clock, minute)
      t.equal(await signedIn(scene, scene.here) + await signedIn(scene, scene.there), 0, 'nor when the mark is gone')
    })
  }
}

t.test('a write that was answered is not looked after', async t => {
  const { clock, store, browser } = await openScene(t, { timers: true })
  clock.tick(10 * minute)
  await browser.get('/me')
  await settle()
  const counts = { ...store.counts }
  await clock.run(3 * minute)
  await settle()
  t.same(store.counts, counts)
})
