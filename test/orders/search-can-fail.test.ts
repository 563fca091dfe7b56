import type { SessionStore } from '@fastify/session'
import t from 'tap'
import { endAll, endById, renewal, restart, save, savingVisit, signOut, touch, type Deed } from './deeds.js'
import { partsOf } from './pairs.js'
import { Scene, type SceneOptions } from './scene.js'
import { searchAll } from './search.js'
import { fakeTime, openWorld, type World, type WorldOptions } from './world.js'

interface Breakage {
  readonly pair: readonly Deed[]
  readonly sees: RegExp
  readonly world?: Partial<WorldOptions>
  readonly scene?: SceneOptions
}

/** What the search is there to notice: with each of these, something must not hold. */
const breakages: Record<string, Breakage> = {
  'marks of ends that nobody finds': {
    pair: [save, signOut], sees: /signed in with the old cookie after the sign-out/, world: { meddle: without('ended') }
  },
  'marks of ends that nobody finds, and an end by id': {
    pair: [save, endById], sees: /signed in with the old cookie after the end by id/, world: { meddle: without('ended') }
  },
  'a renewal that does not say what its successor is': {
    pair: [renewal, signOut], sees: /signed in with the cookie of the renewal/, world: { meddle: without('successor') }
  },
  'touches that write nothing': {
    pair: [touch, save], sees: /the touch is lost/, world: { meddle: without('activity') }
  },
  'restarts that write nothing': {
    pair: [restart, touch], sees: /the restart is lost/, world: { meddle: without('start') }
  },
  'a process that does not find that a user was signed out everywhere': {
    pair: [endAll, save], sees: /signed in with the old cookie after the end of all/, world: { meddle: blindInB() }
  },
  'a replace that writes what is gone': {
    pair: [save, signOut], sees: /signed in with the old cookie after the sign-out/, world: { replace: true, meddle: careless }
  },
  'a host that writes every session at the end of every request': {
    pair: [savingVisit, touch], sees: /the saving visit is lost/, world: { rolling: true }
  },
  'nobody who looks after a write that comes late': {
    pair: [save, signOut],
    sees: /signed in with the old cookie after the sign-out/,
    // The write of the save: its request has read the session twice before, and asked about its user.
    scene: { fault: { request: 0, operation: 3, kind: 'late' }, skipMinute: true }
  }
}

for (const [name, { pair, sees, world: options, scene: sceneOptions }] of Object.entries(breakages)) {
  t.test(`the search finds ${name}`, async t => {
    const clock = fakeTime(t)
    const world = await openWorld(t, clock, { processes: 2, replace: false, ...options })
    const { wrongs, orders } = await searchAll(new Scene(world, partsOf(pair, 2), sceneOptions))
    t.comment(`${orders} orders: ${wrongs.map(({ what, count }) => `${what} in ${count}`).join('; ')}`)
    t.ok(wrongs.some(({ what }) => sees.test(what)), String(sees))
    const sound = await openWorld(t, clock, { processes: 2, replace: options?.replace ?? false })
    const { skipMinute: _, ...plain } = sceneOptions ?? {}
    const control = await searchAll(new Scene(sound, partsOf(pair, 2), plain))
    t.same(control.wrongs.map(({ what }) => what), [], 'and nothing without it')
  })
}

/** Entries of that kind are never written, and never found. */
function without (kind: string) {
  return (store: SessionStore, world: World): SessionStore => ({
    get (id, callback) {
      if (world.nameOf(id).startsWith(kind)) process.nextTick(callback, null, null)
      else store.get(id, callback)
    },
    set (id, session, callback) {
      if (world.nameOf(id).startsWith(kind)) process.nextTick(callback)
      else store.set(id, session, callback)
    },
    destroy (id, callback) { store.destroy(id, callback) }
  })
}

/** The second process finds no entries about users. */
function blindInB () {
  let stores = 0
  return (store: SessionStore, world: World): SessionStore => stores++ === 0 ? store : without('user')(store, world)
}

function careless (store: SessionStore): SessionStore & { replace: unknown } {
  return {
    ...store,
    replace (id: string, session: Parameters<SessionStore['set']>[1], callback: (error: unknown, replaced?: boolean) => void) {
      store.set(id, session, (error?: unknown) => callback(error, !error))
    }
  }
}
