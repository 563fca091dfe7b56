import FakeTimers from '@sinonjs/fake-timers'
import t from 'tap'
import { instant } from '../../client/clock.js'
import { doubt, end, explain, fail, nothing, recognise, type Known, type Session } from '../../client/session/machine.js'
import { english } from '../../client/display/messages.js'
import { confirmOf, covers, escapeOf, viewOf } from '../../client/display/views.js'

const hear = (known: Omit<Known, 'limit' | 'proven'>): Session => recognise(nothing, { ...known, limit: 'idle', proven: true }, 'tag')
const words = { messages: english, locale: 'en' }
const quiet = { silent: false, seconds: 61 }

t.test('each state has its view, and its keys', async t => {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance'] })
  t.teardown(() => clock.uninstall())
  const near = { at: instant(), remaining: 61_000, warnBefore: 120_000, canExtend: true }
  const live = hear({ ...near, remaining: 900_000 })
  const shown = [
    viewOf(hear(near), quiet, words, () => 'endedText'),
    viewOf(hear({ ...near, canExtend: false }), quiet, words, () => 'endedText'),
    viewOf(doubt(live), quiet, words, () => 'endedText'),
    viewOf(doubt(live), { ...quiet, silent: true }, words, () => 'endedText'),
    viewOf(end(explain(live, 'idle')), quiet, words, () => 'endedText')
  ].map(view => view!)
  t.same(shown.map(({ kind }) => kind), ['stay', 'limit', 'checking', 'retry', 'ended'])
  t.same(shown.map(({ choices }) => choices), [['stay', 'signOut'], ['dismiss', 'renew'], [], ['retry'], ['signIn']])
  t.same(shown.map(covers), [false, false, true, true, true])
  t.same(shown.map(escapeOf), ['stay', 'dismiss', null, null, null], 'Esc')
  t.same(shown.map(confirmOf), ['stay', null, null, 'retry', null], 'Enter: no key signs anybody out')
  t.equal(shown[0]!.text, 'For your security, you will be signed out in 2 minutes.')
  for (const session of [nothing, live, { ...live, stage: 'stopped' as const }]) t.equal(viewOf(session, quiet, words, () => 'endedText'), null)
  t.notOk(covers(null))
  t.equal(escapeOf(null), null)
})

t.test('milestones are announced, and so is that staying has failed', async t => {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance'] })
  t.teardown(() => clock.uninstall())
  for (const [remaining, failed, announce] of [[60_000, false, true], [59_000, false, false], [59_000, true, true]] as const) {
    const session = hear({ at: instant(), remaining, warnBefore: 120_000, canExtend: true })
    const view = viewOf(failed ? fail(session) : session, { silent: false, seconds: remaining / 1000 }, words, () => 'endedText')!
    t.equal(view.announce, announce, `${remaining}, ${failed}`)
    if (failed) t.match(view.text, 'The server does not answer')
  }
})

t.test('the end says why, and what becomes of the work', async t => {
  const live = hear({ at: instant(), remaining: 1, warnBefore: 0, canExtend: true })
  for (const [reason, why] of [['idle', 'you were away'], ['absolute', 'time limit'], ['missing', 'is over'], ['signed-out', 'You have signed out']] as const) {
    t.match(viewOf(end(explain(live, reason)), quiet, words, () => 'endedText')!.text, why)
  }
  t.match(viewOf(end(explain(live, 'idle')), quiet, words, () => 'endedText')!.text, 'not shown')
  t.match(viewOf(end(explain(live, 'idle')), quiet, words, () => 'kept')!.text, 'is safe')
  t.match(viewOf(end(explain(live, 'idle')), quiet, words, () => 'lost')!.text, 'is lost')
})
