import type { FastifyBaseLogger } from 'fastify'
import t, { type Test } from 'tap'
import { Sessions } from '../../lib/session/sessions.js'
import { buildApp } from '../helpers/app.js'
import { SharedStore } from '../helpers/stores.js'

/** At how many the memory is tidied up. */
const capacity = 10_000

async function openMemory (t: Test): Promise<Sessions> {
  const { app } = await buildApp(t)
  return new Sessions(new SharedStore(), app.log as FastifyBaseLogger, 'an id')
}

function idsOf (name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`)
}

/** Uses each of them for a moment. */
function visit (sessions: Sessions, ids: string[]): object[] {
  return ids.map(id => {
    const session = sessions.use(id)
    sessions.release(session)
    return session
  })
}

/** How many of them are still the object that they were. */
function countKept (sessions: Sessions, ids: string[], before: object[]): number {
  return visit(sessions, ids).filter((session, index) => session === before[index]).length
}

t.test('ten thousand sessions are remembered that nothing uses', async t => {
  const sessions = await openMemory(t)
  const ids = idsOf('visitor', capacity)
  const before = visit(sessions, ids)
  t.equal(countKept(sessions, ids, before), capacity)
})

t.test('with one more, half of them go, the oldest first, and none that is in use', async t => {
  const sessions = await openMemory(t)
  const held = sessions.use('held')
  const ids = idsOf('visitor', capacity - 1)
  const before = visit(sessions, ids)
  visit(sessions, ['one-more'])
  t.equal(sessions.use('held'), held)
  const half = capacity / 2
  t.equal(countKept(sessions, ids.slice(-(half - 1)), before.slice(-(half - 1))), half - 1, 'the newest stay')
  t.equal(countKept(sessions, ids.slice(0, 10), before.slice(0, 10)), 0, 'the oldest went')
})

t.test('those that were used since the last time stay before all others', async t => {
  const sessions = await openMemory(t)
  const ids = idsOf('visitor', capacity)
  const before = visit(sessions, ids)
  // All were recent: half of them went, and from here on the rest counts as not used.
  const first = visit(sessions, ['first'])
  const regulars = ids.slice(-100)
  visit(sessions, regulars)
  const others = idsOf('other', capacity / 2 - 1)
  const beforeOthers = visit(sessions, others)
  const last = visit(sessions, ['last'])
  t.equal(countKept(sessions, regulars, before.slice(-100)), 100, 'who came back')
  t.equal(countKept(sessions, others, beforeOthers), others.length, 'who is new')
  t.equal(countKept(sessions, ['first', 'last'], [...first, ...last]), 2)
  t.equal(countKept(sessions, ids.slice(-200, -100), before.slice(-200, -100)), 0, 'who did not come back went')
})

t.test('all sessions in use stay in memory, also more than ten thousand', async t => {
  const sessions = await openMemory(t)
  const ids = idsOf('visitor', capacity + 500)
  const before = ids.map(id => sessions.use(id))
  t.equal(countKept(sessions, ids, before), ids.length)
})
