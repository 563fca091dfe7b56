import t from 'tap'
import { decide, defaultTouchInterval, isMilestone, reportIn, secondsLeft } from '../../client/core.js'

const known = { remaining: 10_000, warnBefore: 4000, canExtend: true }

t.test('the next step by the time since the server spoke', async t => {
  for (const [since, phase, step] of [
    [0, 'live', { act: 'wait', ms: 6000 }],
    [5999, 'live', { act: 'wait', ms: 1 }],
    [6000, 'live', { act: 'ask' }],
    [6001, 'live', { act: 'ask' }],
    [6000, 'asked', { act: 'count', left: 4000, ms: 1000 }],
    [6001, 'asked', { act: 'count', left: 3999, ms: 999 }],
    [9999, 'asked', { act: 'count', left: 1, ms: 1 }],
    [9999, 'live', { act: 'ask' }],
    [10_000, 'live', { act: 'end' }],
    [10_000, 'asked', { act: 'end' }],
    [10_001, 'asked', { act: 'end' }]
  ] as const) {
    t.same(decide(known, since, phase), step, `${since} ms, ${phase}`)
  }
})

t.test('a session without a deadline is waited for, and no wait is longer than a timer can be', async t => {
  t.same(decide({ ...known, remaining: null }, 1e12, 'live'), { act: 'wait', ms: 2 ** 31 - 1 })
  t.same(decide({ ...known, remaining: 1e12 }, 0, 'live'), { act: 'wait', ms: 2 ** 31 - 1 })
})

t.test('a started second counts as one', async t => {
  t.same([1, 999, 1000, 1001, 60_000].map(secondsLeft), [1, 1, 1, 2, 60])
})

t.test('each full minute, 40 and 20 seconds are announced', async t => {
  const announced = Array.from({ length: 181 }, (_, seconds) => seconds).filter(isMilestone)
  t.same(announced, [20, 40, 60, 120, 180])
})

t.test('there is one report of activity per interval', async t => {
  t.same([0, 999, 1000, 5000].map(since => reportIn(since, 1000)), [1000, 1, 0, 0])
})

t.test('the interval defaults to a thirtieth of the idle limit, at most a minute', async t => {
  t.same([3000, 1_800_000, 36_000_000, null].map(defaultTouchInterval), [100, 60_000, 60_000, 60_000])
})
