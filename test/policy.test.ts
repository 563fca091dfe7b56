import t from 'tap'
import { clampRecord, deadlines, endOf, isAhead, isTouchDue, joinRecords, parseRecord, type Limits, type SessionRecord } from '../lib/policy.js'

const start = Date.UTC(2026, 0, 1, 12)
const both: Limits = { idle: 1000, absolute: 5000 }

t.test('a session is live before its deadline and has ended at it', async t => {
  const rows: Array<[string, SessionRecord, Limits, number, 'idle' | 'absolute' | null]> = [
    ['idle limit - 1 ms', { startedAt: start, lastActivity: start }, both, 999, null],
    ['idle limit', { startedAt: start, lastActivity: start }, both, 1000, 'idle'],
    ['idle limit + 1 ms', { startedAt: start, lastActivity: start }, both, 1001, 'idle'],
    ['absolute limit - 1 ms', { startedAt: start, lastActivity: start + 4500 }, both, 4999, null],
    ['absolute limit', { startedAt: start, lastActivity: start + 4500 }, both, 5000, 'absolute'],
    ['absolute limit + 1 ms', { startedAt: start, lastActivity: start + 4500 }, both, 5001, 'absolute'],
    ['both at the same instant', { startedAt: start, lastActivity: start + 4000 }, both, 5000, 'absolute'],
    ['both passed, idle first', { startedAt: start, lastActivity: start + 3999 }, both, 9000, 'idle'],
    ['both passed, absolute first', { startedAt: start, lastActivity: start + 4001 }, both, 9000, 'absolute'],
    ['no idle limit, absolute limit - 1 ms', { startedAt: start, lastActivity: start }, { idle: false, absolute: 5000 }, 4999, null],
    ['no idle limit, absolute limit', { startedAt: start, lastActivity: start }, { idle: false, absolute: 5000 }, 5000, 'absolute'],
    ['no absolute limit, idle limit - 1 ms', { startedAt: start, lastActivity: start + 9000 }, { idle: 1000, absolute: false }, 9999, null],
    ['no absolute limit, idle limit', { startedAt: start, lastActivity: start + 9000 }, { idle: 1000, absolute: false }, 10_000, 'idle'],
    ['no limit at all', { startedAt: start, lastActivity: start }, { idle: false, absolute: false }, 1e12, null]
  ]
  for (const [name, record, limits, after, expected] of rows) t.equal(endOf(record, limits, start + after), expected, name)
})

t.test('the first deadline is the earlier one, and Infinity stands for none', async t => {
  const record = { startedAt: start, lastActivity: start + 4500 }
  t.same(deadlines(record, both), { idle: start + 5500, absolute: start + 5000, first: start + 5000 })
  t.same(deadlines(record, { idle: 100, absolute: false }), { idle: start + 4600, absolute: Infinity, first: start + 4600 })
  t.same(deadlines(record, { idle: false, absolute: false }), { idle: Infinity, absolute: Infinity, first: Infinity })
})

t.test('a touch is due once touchInterval has passed', async t => {
  const record = { startedAt: start, lastActivity: start }
  t.notOk(isTouchDue(record, 60_000, start + 59_999))
  t.ok(isTouchDue(record, 60_000, start + 60_000))
  t.ok(isTouchDue(record, 60_000, start + 60_001))
  t.ok(isTouchDue(record, 0, start + 1), 'an interval of 0 touches at every activity')
  t.notOk(isTouchDue(record, 0, start), 'which is stored already')
  t.notOk(isTouchDue(record, 0, start - 1), 'never back in time')
})

t.test('only two instants make a record', async t => {
  t.equal(parseRecord(undefined), undefined, 'none is not a malformed one')
  t.same(parseRecord({ startedAt: 1, lastActivity: 2 }), { startedAt: 1, lastActivity: 2 })
  t.strictSame(parseRecord({ startedAt: 1, lastActivity: 2, warned: true, more: 1 }), { startedAt: 1, lastActivity: 2 })
  const malformed = [
    null, 0, '', 'now', true, [], {}, { startedAt: start }, { lastActivity: start }, { startedAt: NaN, lastActivity: start },
    { startedAt: start, lastActivity: NaN }, { startedAt: String(start), lastActivity: start }, { startedAt: start, lastActivity: String(start) },
    { startedAt: null, lastActivity: start }, { startedAt: start, lastActivity: null }, { startedAt: -1, lastActivity: start },
    { startedAt: start, lastActivity: Infinity }, { startedAt: start, lastActivity: 8.64e15 + 1 }, { startedAt: new Date(start), lastActivity: start }
  ]
  for (const value of malformed) t.equal(parseRecord(value), null, JSON.stringify(value))
})

t.test('instants from the future are brought to now', async t => {
  const past = { startedAt: start - 2, lastActivity: start - 1 }
  t.equal(clampRecord(past, start), past, 'the same object when there are none')
  t.same(clampRecord({ startedAt: start, lastActivity: start }, start), { startedAt: start, lastActivity: start })
  t.same(clampRecord({ startedAt: start - 5, lastActivity: start + 5 }, start), { startedAt: start - 5, lastActivity: start })
  t.same(clampRecord({ startedAt: start + 5, lastActivity: start + 5, ownExpiry: 3 }, start), { startedAt: start, lastActivity: start, ownExpiry: 3 })
})

t.test('joining two records takes the newer of each instant', async t => {
  const older = { startedAt: 100, lastActivity: 200 }
  const newer = { startedAt: 100, lastActivity: 300 }
  t.same(joinRecords(older, newer, 1000), newer)
  t.same(joinRecords(newer, older, 1000), newer)
  t.same(joinRecords(newer, { startedAt: 100, lastActivity: 5000 }, 1000), { startedAt: 100, lastActivity: 1000 }, 'a future one is clamped, not kept')
  t.same(joinRecords(older, { startedAt: 250, lastActivity: 250 }, 1000), { startedAt: 250, lastActivity: 250 }, 'a restart wins')
  t.same(joinRecords({ startedAt: 100, lastActivity: 900 }, { startedAt: 250, lastActivity: 250 }, 1000), { startedAt: 250, lastActivity: 900 }, 'instant by instant')
  t.equal(joinRecords(newer, older, 1000), newer, 'the same object when the other has nothing newer')
})

t.test('a clock is ahead when it says what cannot have happened yet, by more than the clocks of two processes differ', async t => {
  const now = start
  for (const ahead of [-1, 0, 1, 1000]) t.notOk(isAhead({ startedAt: start - 5, lastActivity: now + ahead }, now), `${ahead} ms`)
  t.ok(isAhead({ startedAt: start - 5, lastActivity: now + 1001 }, now))
  t.ok(isAhead({ startedAt: now + 1001, lastActivity: start - 5 }, now))
})

t.test('an expiry of its own is kept as it was, where it is an instant', async t => {
  const record = { startedAt: 1, lastActivity: 2 }
  t.same(parseRecord({ ...record, ownExpiry: 3 }), { ...record, ownExpiry: 3 })
  for (const ownExpiry of [null, 'tomorrow', NaN, -1, undefined]) {
    t.strictSame(parseRecord({ ...record, ownExpiry }), record, 'and nothing that is not there')
  }
  t.same(joinRecords({ ...record, ownExpiry: 3 }, { ...record, lastActivity: 4 }, 5), { startedAt: 1, lastActivity: 4, ownExpiry: 3 })
  t.same(joinRecords(record, { ...record, ownExpiry: 0 }, 5), { ...record, ownExpiry: 0 })
})
