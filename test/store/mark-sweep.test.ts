import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import { createGuardedStore } from '../../lib/store/guarded-store.js'
import { createRecentEnds } from '../../lib/store/recent-ends.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { SharedStore } from '../helpers/stores.js'
import { day, hour, minute } from '../helpers/time.js'

const markOf = (id: string): string => entryId(id, 'ended')

/** The sweeper wakes each minute. */
async function pass (clock: FakeClock, ms: number): Promise<void> {
  await clock.run(ms)
  await turn()
}

t.test('a mark is taken out after its minute, for stores that never clean up', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new SharedStore()
  const guarded = createGuardedStore(store, createRecentEnds(), () => t.fail('no mark is refused'))
  await guarded.end('one', 'signed-out')
  clock.tick(minute - 1)
  await guarded.end('two', 'signed-out')
  t.same([...store.data.keys()], [markOf('one'), markOf('two')])
  await pass(clock, 1)
  t.same([...store.data.keys()], [markOf('two')])
  await pass(clock, minute)
  t.same([...store.data.keys()], [])
})

t.test('a mark that keeps a reason stays until its reason expires', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new SharedStore()
  const guarded = createGuardedStore(store, createRecentEnds(), () => t.fail('no mark is refused'))
  await guarded.end('one', 'idle', clock.now() + day)
  await pass(clock, day - 1)
  t.equal(await guarded.reasonOf('one'), 'idle')
  await pass(clock, 1)
  t.equal(await guarded.reasonOf('one'), undefined)
  t.same([...store.data.keys()], [])
})

t.test('an entry that another process has prolonged is left until then', async t => {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const [here, there] = [1, 2].map(() => createGuardedStore(new SharedStore(data), createRecentEnds(), () => t.fail('no mark is refused')))
  await here!.writeEntry('one', 'activity', { sessionTimeout: {} }, clock.now() + hour)
  await there!.writeEntry('one', 'activity', { sessionTimeout: {} }, clock.now() + 2 * hour)
  await pass(clock, 2 * hour - 1)
  t.equal(data.size, 1)
  await pass(clock, 1)
  t.equal(data.size, 0)
})

t.test('a store that fails while it is swept does no harm', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new SharedStore()
  const guarded = createGuardedStore(store, createRecentEnds(), () => t.fail('no mark is refused'))
  await guarded.end('one', 'signed-out')
  store.get = (_id, callback) => callback(new Error('down'))
  await pass(clock, minute)
  t.equal(store.data.size, 1, 'it is left to the store')
})

t.test('at most 10,000 marks are remembered for removal, then new ones again', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new SharedStore()
  const guarded = createGuardedStore(store, createRecentEnds(), () => t.fail('no mark is refused'))
  for (let number = 0; number < 10_001; number++) await guarded.end(`session ${number}`, 'signed-out')
  t.equal(store.data.size, 10_001)
  await pass(clock, minute)
  t.same([...store.data.keys()], [markOf('session 10000')], 'the one above is left to the store')
  await guarded.end('later', 'signed-out')
  await pass(clock, minute)
  t.same([...store.data.keys()], [markOf('session 10000')])
})
