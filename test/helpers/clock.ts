import FakeTimers from '@sinonjs/fake-timers'
import type { Test } from 'tap'

/** The wall clock, in the hands of a test. */
export interface FakeClock {
  now (): number
  /** Moves the clock forward, or back with a negative number. */
  tick (ms: number): void
  /** Moves it forward and lets everything that falls due happen, promises included. */
  run (ms: number): Promise<void>
  set (at: number): void
}

/** Fakes Date until the end of the test; with `timers`, setTimeout and its kin too. */
export function fakeClock (t: Test, { timers = false, start = Date.UTC(2026, 0, 1, 12) } = {}): FakeClock {
  const clock = FakeTimers.install({
    now: start,
    toFake: timers ? ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] : ['Date'],
    ignoreMissingTimers: true
  })
  t.teardown(() => clock.uninstall())
  return {
    now: () => clock.now,
    tick (ms) {
      if (ms < 0 || !timers) clock.setSystemTime(clock.now + ms)
      else clock.tick(ms)
    },
    run: async ms => { await clock.tickAsync(ms) },
    set: at => clock.setSystemTime(at)
  }
}
