import FakeTimers from '@sinonjs/fake-timers'
import t, { type Test } from 'tap'
import { instant } from '../../client/clock.js'
import type { Display } from '../../client/display/display.js'
import { createLoading, type LoadDisplay } from '../../client/display/loading.js'
import { nothing, recognise, type Session } from '../../client/session/machine.js'

const quiet = { silent: false, seconds: 0 }
const live = recognise(nothing, { at: instant(), remaining: null, warnBefore: 0, canExtend: true, limit: null, proven: true }, 'tag')
const ended: Session = { ...nothing, stage: 'ended', reason: 'idle' }

interface Stage {
  display: Display
  attempts: number[]
  /** The states that were shown, and the stop. */
  log: string[]
  run (ms: number): Promise<void>
}

function open (t: Test, load: (attempt: number) => Promise<unknown> = async () => {}): Stage {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  t.teardown(() => clock.uninstall())
  const attempts: number[] = []
  const log: string[] = []
  const loadDisplay: LoadDisplay = async attempt => {
    attempts.push(attempt)
    await load(attempt)
    return { createDisplay: () => ({ show: ({ stage }) => log.push(stage), stop: () => log.push('stop') }) }
  }
  const surroundings = { options: {}, endpoint: new URL('http://localhost/session-timeout'), work: { isUnsaved: () => false, isLost: () => false }, decide () {}, act () {}, check: () => null }
  return { display: createLoading(loadDisplay, surroundings), attempts, log, run: async ms => { await clock.tickAsync(ms) } }
}

t.test('a page without a session loads nothing, and one that has one at once', async t => {
  const stage = open(t)
  stage.display.show(nothing, quiet)
  await stage.run(60_000)
  t.same(stage.attempts, [])
  stage.display.show(live, quiet)
  await stage.run(0)
  t.same(stage.attempts, [0])
  stage.display.show(ended, quiet)
  stage.display.stop()
  t.same(stage.log, ['live', 'ended', 'stop'])
})

t.test('the display shows the latest state once it is loaded', async t => {
  const stage = open(t, () => new Promise(resolve => setTimeout(resolve, 500)))
  stage.display.show(live, quiet)
  stage.display.show(ended, quiet)
  await stage.run(500)
  t.same(stage.attempts, [0])
  t.same(stage.log, ['ended'])
})

t.test('a display that could not be loaded is tried again, at most six times a minute', async t => {
  const stage = open(t, async attempt => { if (attempt < 5) throw new TypeError('Failed to fetch') })
  for (let second = 0; second < 40; second++) {
    stage.display.show(live, quiet)
    await stage.run(1000)
  }
  t.same(stage.attempts, [0, 1, 2, 3])
  for (let second = 0; second < 60; second++) {
    stage.display.show(ended, quiet)
    await stage.run(1000)
  }
  t.same(stage.attempts, [0, 1, 2, 3, 4, 5], 'and not once it is there')
  t.equal(stage.log[0], 'ended')
})

t.test('a client that was stopped while the display loads shows nothing', async t => {
  const stage = open(t, () => new Promise(resolve => setTimeout(resolve, 500)))
  stage.display.show(live, quiet)
  stage.display.stop()
  await stage.run(500)
  t.same(stage.log, [])
})

t.test('the first of two attempts to load the display is used', async t => {
  const stage = open(t, attempt => new Promise(resolve => setTimeout(resolve, attempt ? 100 : 20_000)))
  stage.display.show(live, quiet)
  await stage.run(10_001)
  stage.display.show(live, quiet)
  await stage.run(20_000)
  t.same(stage.attempts, [0, 1])
  t.same(stage.log, ['live'])
})
