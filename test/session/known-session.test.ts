import t from 'tap'
import { KnownSession } from '../../lib/session/known-session.js'

t.test('of a saved clock that lies in the future, each instant counts that does not', t => {
  const outcomes = [
    [{ startedAt: 20, lastActivity: 5 }, { startedAt: 1, lastActivity: 5 }],
    [{ startedAt: 4, lastActivity: 20 }, { startedAt: 4, lastActivity: 2 }],
    [{ startedAt: 20, lastActivity: 20 }, { startedAt: 1, lastActivity: 2 }],
    [{ startedAt: 4, lastActivity: 5 }, { startedAt: 4, lastActivity: 5 }]
  ] as const
  for (const [saved, record] of outcomes) {
    const session = new KnownSession('id', null)
    session.learn({ startedAt: 1, lastActivity: 2 }, 10)
    session.learnSaved(saved, 10)
    t.same(session.record, record)
  }
  t.end()
})
