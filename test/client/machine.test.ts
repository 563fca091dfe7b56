import t, { type Test } from 'tap'
import FakeTimers from '@sinonjs/fake-timers'
import { instant, since } from '../../client/clock.js'
import { doubt, dueOf, end, explain, fail, isHidden, isProven, isShown, leave, noteTimeLeft, nothing, pass, recognise, remainingOf, silence, stateOf, type Known, type Session, type Stage } from '../../client/session/machine.js'

function fakeClocks (t: Test): FakeTimers.Clock {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance'] })
  t.teardown(() => clock.uninstall())
  return clock
}

function known (more: Partial<Known> = {}): Known {
  return { at: instant(), remaining: 10_000, warnBefore: 4000, canExtend: true, limit: 'idle', proven: true, ...more }
}

function said (more: Partial<Known> = {}): Session {
  return recognise(nothing, known(more), 'tag')
}

function at (stage: Stage, session = said()): Session {
  return { ...session, stage, warned: stage === 'warned' || stage === 'failed' } as Session
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

// The table at the head of the machine.
const table: Record<Exclude<Stage, 'stopped'>, Record<'recognise' | 'end' | 'silence' | 'doubt' | 'pass' | 'fail' | 'leave', Stage | '-'>> = {
  unknown: { recognise: 'live', end: '-', silence: '-', doubt: '-', pass: '-', fail: '-', leave: 'leaving' },
  unclaimed: { recognise: 'live', end: 'unknown', silence: 'unknown', doubt: '-', pass: '-', fail: '-', leave: 'leaving' },
  copied: { recognise: 'live', end: 'ended', silence: '-', doubt: '-', pass: '-', fail: '-', leave: 'leaving' },
  live: { recognise: 'live', end: 'ended', silence: 'warned', doubt: 'covered', pass: 'covered', fail: '-', leave: 'leaving' },
  warned: { recognise: 'live', end: 'ended', silence: '-', doubt: 'covered', pass: 'covered', fail: 'failed', leave: 'leaving' },
  failed: { recognise: 'live', end: 'ended', silence: '-', doubt: 'covered', pass: 'covered', fail: '-', leave: 'leaving' },
  covered: { recognise: 'live', end: 'ended', silence: '-', doubt: '-', pass: '-', fail: '-', leave: 'leaving' },
  leaving: { recognise: '-', end: 'left', silence: '-', doubt: '-', pass: '-', fail: '-', leave: '-' },
  renewing: { recognise: '-', end: 'ended', silence: '-', doubt: '-', pass: '-', fail: '-', leave: 'leaving' },
  ended: { recognise: 'live', end: '-', silence: '-', doubt: '-', pass: '-', fail: '-', leave: '-' },
  left: { recognise: 'live', end: '-', silence: '-', doubt: '-', pass: '-', fail: '-', leave: '-' }
}

t.test('every stage of the machine changes as its table says', async t => {
  const clock = fakeClocks(t)
  const from = Object.fromEntries(Object.keys(table).map(stage => [stage, at(stage as Stage)]))
  clock.tick(10_000)
  for (const [stage, row] of Object.entries(table)) {
    const session = from[stage]!
    const become: Record<keyof typeof row, Session> = {
      recognise: recognise(session, known(), 'other tag'),
      end: end(session),
      silence: silence(session),
      doubt: doubt(session),
      pass: pass(session),
      fail: fail(session),
      leave: leave(session, 'leaving')
    }
    for (const [name, expected] of Object.entries(row)) {
      const after = become[name as keyof typeof row]
      if (expected === '-') t.equal(after, session, `${stage}, ${name}`)
      else t.equal(after.stage, expected, `${stage}, ${name}`)
      t.equal(after.tag, 'tag', 'it never belongs to somebody else')
    }
  }
})

t.test('each stage has the documented state for the application, and the expected view for the user', async t => {
  t.same(Object.keys(table).map(stage => stateOf(at(stage as Stage))), ['unknown', 'covered', 'covered', 'live', 'warned', 'warned', 'covered', 'covered', 'covered', 'ended', 'ended'])
  t.same(Object.keys(table).filter(stage => isShown(at(stage as Stage))), ['live', 'warned', 'failed'])
  t.same(Object.keys(table).filter(stage => !isHidden(at(stage as Stage))), ['unknown', 'live', 'warned', 'failed'])
  t.same(Object.keys(table).filter(stage => !isProven(at(stage as Stage))), ['ended', 'left'])
  t.equal(stateOf({ ...nothing, stage: 'stopped' }), 'stopped')
})

t.test('the boundaries: warned within warnBefore, covered at the deadline', async t => {
  const clock = fakeClocks(t)
  const live = said()
  t.equal(said({ remaining: 4001 }).stage, 'live')
  t.equal(said({ remaining: 4000 }).stage, 'warned')
  clock.tick(5999)
  t.equal(silence(live).stage, 'live')
  clock.tick(1)
  t.same(silence(live), { ...live, stage: 'warned', warned: true }, 'by what was known')
  clock.tick(3999)
  t.equal(pass(live), live)
  clock.tick(1)
  t.equal(pass(live).stage, 'covered')
})

t.test('a page that has slept is covered: the clocks have gone apart', async t => {
  const clock = fakeClocks(t)
  const live = said({ remaining: 900_000 })
  clock.setSystemTime(clock.now + 10_000)
  t.equal(pass(live), live)
  clock.setSystemTime(clock.now + 1)
  t.equal(pass(live).stage, 'covered')
})

t.test('why it is over: as somebody has said, or as the time tells', async t => {
  const clock = fakeClocks(t)
  const live = said()
  t.equal(end(live).reason, 'missing')
  t.equal(end(explain(live, 'absolute')).reason, 'absolute')
  t.equal(explain(end(live), 'idle').reason, 'idle', 'that may come after the end')
  t.equal(explain(end(explain(live, 'absolute')), 'idle').reason, 'absolute', 'the first reason stays')
  t.equal(recognise(explain(live, 'idle'), known(), 'tag').reason, null, 'and counts no more when the session lives')
  for (const stage of ['leaving', 'renewing'] as const) t.equal(end(explain(at(stage), 'idle')).reason, 'signed-out')
  clock.tick(9999)
  t.equal(end(live).reason, 'missing')
  clock.tick(1)
  t.equal(end(live).reason, 'idle', 'past the deadline')
  t.equal(end(recognise(live, known({ limit: null, remaining: 0 }), null)).reason, 'missing', 'of which nobody has said what it is')
})

t.test('a user who was warned stays warned until the server says otherwise', async t => {
  fakeClocks(t)
  const warned = said({ remaining: 4000 })
  t.ok(warned.warned)
  t.ok(doubt(warned).warned, 'also under the cover')
  t.notOk(said({ remaining: 4001 }).warned)
  t.notOk(end(warned).warned)
})

t.test('the next look, by the time since the server spoke', async t => {
  const clock = fakeClocks(t)
  const live = said()
  const warned = at('warned', live)
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
  for (const session of [nothing, doubt(live), end(live)]) t.equal(dueOf(session), null)
})

t.test('a session without a deadline is waited for, and no wait is longer than a timer can be', async t => {
  fakeClocks(t)
  t.same(dueOf(said({ remaining: null })), { ms: 2 ** 31 - 1 })
  t.same(dueOf(said({ remaining: 1e12 })), { ms: 2 ** 31 - 1 })
  t.equal(remainingOf(said({ remaining: null })), null)
})

t.test('the time left in responses of the application never postpones a question, and may bring it forward', async t => {
  const clock = fakeClocks(t)
  const live = said()
  clock.tick(1000)
  const more = noteTimeLeft(live, { at: instant(), remaining: 60_000 })
  t.equal(remainingOf(more), 60_000)
  t.same(dueOf(more), { ms: 5000 }, 'it may be of another user')
  const less = noteTimeLeft(live, { at: instant(), remaining: 5000 })
  t.equal(remainingOf(less), 5000)
  t.same(dueOf(less), { ms: 1000 })
  t.equal(noteTimeLeft(live, { at: instant(2000), remaining: 5000 }), live, 'older than what is known')
  t.equal(noteTimeLeft(nothing, { at: instant(), remaining: 5000 }), nothing)
  t.equal(said().headerTimeLeft, null, 'the word of the server about this page counts more')
})

t.test('the remaining time is never negative, and null after the end', async t => {
  const clock = fakeClocks(t)
  const live = said()
  clock.tick(11_000)
  t.equal(remainingOf(live), 0)
  t.equal(remainingOf(end(live)), null)
  t.equal(remainingOf(nothing), null)
})
