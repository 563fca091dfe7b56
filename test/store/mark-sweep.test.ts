import t from 'tap'
import { createGuardedStore, type GuardedStore } from '../../lib/store/guarded-store.js'
import { markOf } from '../../lib/store/marks.js'
import { createRecentEnds } from '../../lib/store/recent-ends.js'
import { fakeClock } from '../helpers/clock.js'
import { SharedStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const end = (store: GuardedStore, id: string) => new Promise<void>((resolve, reject) => {
  store.end(id, error => error ? reject(error) : resolve())
})

t.test('a mark is taken out after its minute, for stores that never clean up', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new SharedStore()
  const guarded = createGuardedStore(store, createRecentEnds(), () => t.fail('no mark is refused'))
  await end(guarded, 'one')
  clock.tick(minute - 1)
  await end(guarded, 'two')
  t.same([...store.data.keys()], [markOf('one'), markOf('two')])
  clock.tick(1)
  t.same([...store.data.keys()], [markOf('two')])
  clock.tick(minute - 1)
  t.same([...store.data.keys()], [])
})

t.test('of 10,000 at most, so that a flood of ends fills no memory; and again later', async t => {
  const clock = fakeClock(t, { timers: true })
  const store = new SharedStore()
  const guarded = createGuardedStore(store, createRecentEnds(), () => t.fail('no mark is refused'))
  for (let number = 0; number < 10_001; number++) await end(guarded, `session ${number}`)
  t.equal(store.data.size, 10_001)
  clock.tick(minute)
  t.same([...store.data.keys()], [markOf('session 10000')], 'the one above is left to the store')
  await end(guarded, 'later')
  clock.tick(minute)
  t.same([...store.data.keys()], [markOf('session 10000')])
})
