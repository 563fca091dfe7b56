import t from 'tap'
import { decide, defaultTouchInterval, isMilestone, leftOf, reportIn } from '../../client/core.js'

const known = { remaining: 10_000, warnBefore: 4000, canExtend: true }

t.test('the next step by the time since the server spoke', async t => {
  for (const [since, warned, step] of [
    [0, false, { ms: 6000 }],
    [5999, false, { ms: 1 }],
    [6000, false, { ask: true, ms: 4000 }],
    [6001, false, { ask: true, ms: 3999 }],
    [9999, false, { ask: true, ms: 1 }],
    [10_000, false, null],
    [10_001, false, null],
    [5999, true, { ms: 1 }],
    [6000, true, { seconds: 4, ms: 1000 }],
    [6001, true, { seconds: 4, ms: 999 }],
    [6999, true, { seconds: 4, ms: 1 }],
    [7000, true, { seconds: 3, ms: 1000 }],
    [9999, true, { seconds: 1, ms: 1 }],
    [10_000, true, null],
    [10_001, true, null]
  ] as const) {
    t.same(decide(known, since, warned), step, `${since} ms, ${warned ? 'warned' : 'not warned'}`)
  }
})

t.test('while the server is asked, the client looks again at the deadline, even if no answer comes', async t => {
  const step = decide(known, 6000, false)
  t.equal(step?.ms, 4000)
  t.equal(decide(known, 6000 + step!.ms, false), null)
})

t.test('a session without a deadline is waited for, and no wait is longer than a timer can be', async t => {
  t.same(decide({ ...known, remaining: null }, 1e12, false), { ms: 2 ** 31 - 1 })
  t.same(decide({ ...known, remaining: 1e12 }, 0, false), { ms: 2 ** 31 - 1 })
  t.equal(leftOf(null, 1e12), Infinity)
})

t.test('each full minute, 40 and 20 seconds are announced', async t => {
  const announced = Array.from({ length: 180 }, (_, index) => index + 1).filter(isMilestone)
  t.same(announced, [20, 40, 60, 120, 180])
})

t.test('there is one report of activity per interval', async t => {
  t.same([0, 999, 1000, 5000].map(since => reportIn(since, 1000)), [1000, 1, 0, 0])
})

t.test('however short the interval, there is at most one report a second', async t => {
  t.same([0, 999, 1000].map(since => reportIn(since, 0)), [1000, 1, 0])
})

t.test('the interval defaults to a thirtieth of the idle limit, at most a minute', async t => {
  t.same([3000, 1_800_000, 36_000_000, null].map(defaultTouchInterval), [100, 60_000, 60_000, 60_000])
})
