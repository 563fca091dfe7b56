import t, { type Test } from 'tap'
import FakeTimers from '@sinonjs/fake-timers'
import { instant, since } from '../../client/clock.js'
import { doubt, dueOf, end, isShown, leave, nothing, pass, recognise, remainingOf, silence, tell, type Known, type Session } from '../../client/session/machine.js'

function fakeClocks (t: Test): FakeTimers.Clock {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance'] })
  t.teardown(() => clock.uninstall())
  return clock
}

function known (more: Partial<Known> = {}): Known {
  return { at: instant(), remaining: 10_000, warnBefore: 4000, canExtend: true, ...more }
}

t.test('of two clocks, the one that has gone further counts', async t => {
  const clock = fakeClocks(t)
  const then = instant()
  clock.tick(1000)
  t.equal(since(then), 1000)
  clock.setSystemTime(clock.now + 60_000)
  t.equal(since(then), 61_000, 'sleep stops performance.now()')
  clock.setSystemTime(0)
  t.equal(since(then), 1000, 'a clock that is put back makes nothing younger')
  t.equal(since(instant(500)), 500)
})

t.test('every state and what becomes of it', async t => {
  const clock = fakeClocks(t)
  const live = recognise(known())
  const warned = recognise(known({ remaining: 4000 }))
  const states: Session[] = [nothing, live, warned, doubt(live), end(live, 'idle')]
  t.same(states.map(({ state }) => state), ['unknown', 'live', 'warned', 'covered', 'ended'])
  t.same(states.map(isShown), [false, true, true, false, false])
  t.same(states.map(session => end(session, 'missing').state), ['unknown', 'ended', 'ended', 'ended', 'ended'])
  t.same(states.map(session => end(session, 'missing').reason), [null, 'missing', 'missing', 'missing', 'idle'], 'the first reason stays')
  t.same(states.map(session => doubt(session).state), ['unknown', 'covered', 'covered', 'covered', 'ended'])
  t.same(states.map(session => leave(session).state), ['covered', 'covered', 'covered', 'covered', 'ended'])
  t.same(states.map(session => silence(session).state), ['unknown', 'live', 'warned', 'covered', 'ended'], 'far from the deadline')
  clock.tick(6000)
  t.same(silence(live), { ...live, state: 'warned', warned: true }, 'within warnBefore the user is warned by what was known')
  clock.tick(3999)
  t.equal(pass(live).state, 'live')
  clock.tick(1)
  t.same(states.map(session => pass(session).state), ['unknown', 'covered', 'covered', 'covered', 'ended'], 'past the deadline')
})

t.test('who was warned is so until the server says otherwise', async t => {
  fakeClocks(t)
  const warned = recognise(known({ remaining: 4000 }))
  t.ok(warned.warned)
  t.ok(doubt(warned).warned, 'also under the cover')
  t.notOk(recognise(known({ remaining: 4001 })).warned)
  t.notOk(end(warned, 'idle').warned)
})

t.test('the next look, by the time since the server spoke', async t => {
  const clock = fakeClocks(t)
  const live = recognise(known())
  const warned = { ...live, state: 'warned' as const }
  for (const [at, due, dueWarned] of [
    [0, { ms: 6000 }, { ms: 1000, seconds: 10 }],
    [5999, { ms: 1 }, { ms: 1, seconds: 5 }],
    [6000, { ms: 4000, ask: true }, { ms: 1000, seconds: 4 }],
    [6001, { ms: 3999, ask: true }, { ms: 999, seconds: 4 }],
    [9999, { ms: 1, ask: true }, { ms: 1, seconds: 1 }]
  ] as const) {
    clock.tick(at - since([0, 0]))
    t.same(dueOf(live), due, `${at} ms, live`)
    t.same(dueOf(warned), dueWarned, `${at} ms, warned`)
  }
  for (const session of [nothing, doubt(live), end(live, 'idle')]) t.equal(dueOf(session), null)
})

t.test('a session without a deadline is waited for, and no wait is longer than a timer can be', async t => {
  fakeClocks(t)
  t.same(dueOf(recognise(known({ remaining: null }))), { ms: 2 ** 31 - 1 })
  t.same(dueOf(recognise(known({ remaining: 1e12 }))), { ms: 2 ** 31 - 1 })
  t.equal(remainingOf(recognise(known({ remaining: null }))), null)
})

t.test('what responses of the application tell puts nothing off, but may bring the question forward', async t => {
  const clock = fakeClocks(t)
  const live = recognise(known())
  clock.tick(1000)
  const more = tell(live, { at: instant(), remaining: 60_000 })
  t.equal(remainingOf(more), 60_000)
  t.same(dueOf(more), { ms: 5000 }, 'it may be of another user')
  const less = tell(live, { at: instant(), remaining: 5000 })
  t.equal(remainingOf(less), 5000)
  t.same(dueOf(less), { ms: 1000 })
  t.equal(tell(live, { at: instant(2000), remaining: 5000 }), live, 'older than what is known')
  t.equal(tell(nothing, { at: instant(), remaining: 5000 }), nothing)
  t.equal(recognise(known()).told, null, 'the word of the server about this page counts more')
})

t.test('what remains is never negative, and nothing after the end', async t => {
  const clock = fakeClocks(t)
  const live = recognise(known())
  clock.tick(11_000)
  t.equal(remainingOf(live), 0)
  t.equal(remainingOf(end(live, 'idle')), null)
  t.equal(remainingOf(nothing), null)
})
