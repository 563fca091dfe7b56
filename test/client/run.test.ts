import FakeTimers from '@sinonjs/fake-timers'
import t, { type Test } from 'tap'
import { instant } from '../../client/clock.js'
import { isShown, type Known, type Session } from '../../client/session/machine.js'
import type { Answer, Method, Status } from '../../client/session/server.js'
import { runSession, type Circumstances, type Page, type Runner } from '../../client/session/run.js'
import type { Message } from '../../client/session/tabs.js'
import { hour, minute, second } from '../helpers/time.js'

const status: Status = { active: true, remaining: 30 * minute, idleRemaining: 30 * minute, warnBefore: 2 * minute, canExtend: true, ended: null, yours: true, page: 'tag' }
const nobody: Status = { ...status, active: false, remaining: null, idleRemaining: null, canExtend: false, yours: false, page: null }

interface Stage {
  runner: Runner
  calls: Array<[Method, string | null]>
  posted: Message[]
  left: string[]
  unsaved: boolean
  events: string[]
  shown: Circumstances
  reloads: number
  visible: boolean
  /** Gives the clocks back. */
  done (): void
  /** What the server answers from now on. */
  answer: Partial<Answer>
  run (ms: number): Promise<void>
}

/** A page with its server, tabs and clocks; started. */
async function open (t: Test, page: Partial<Page> | null = {}, answer: Partial<Answer> = { code: 200, status }): Promise<Stage> {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  const done = (): void => clock.uninstall()
  t.teardown(done)
  const known: Known = { at: instant(), remaining: 30 * minute, warnBefore: 0, canExtend: true, limit: null, proven: false }
  const told: Page = { stage: 'live', tag: 'tag', known }
  const stage: Stage = {
    calls: [],
    posted: [],
    left: [],
    events: [],
    unsaved: false,
    shown: { silent: false, seconds: 0 },
    reloads: 0,
    visible: true,
    done,
    answer,
    run: async ms => { await clock.tickAsync(ms) },
    runner: runSession(page ? { ...told, ...page } as Page : { stage: 'unknown', tag: null, known: null }, {
      async call (method, page) {
        stage.calls.push([method, page])
        return { at: instant(), code: 200, ...stage.answer }
      },
      touchInterval: minute,
      isVisible: () => stage.visible,
      show: now => { stage.shown = now },
      isUnsaved: () => stage.unsaved,
      leave: reason => stage.left.push(reason),
      reload: () => stage.reloads++,
      dispatchEvents: (before: Session, after: Session) => stage.events.push(`${before.stage} ${after.stage}`),
      post: message => stage.posted.push(message),
      complain () {}
    })
  }
  stage.runner.start()
  await stage.run(0)
  return stage
}

t.test('the client calls the server at start, with the tag of the page, and notifies the other tabs', async t => {
  const stage = await open(t)
  t.same(stage.calls, [['GET', 'tag']])
  t.equal(stage.runner.session.stage, 'live')
  t.same(stage.posted, [{ type: 'arrived' }])
  await stage.run(27 * minute)
  t.equal(stage.calls.length, 1, 'then nothing until a warning is due')
})

t.test('a page that nobody told whose it is takes the tag of the first answer', async t => {
  const stage = await open(t, null)
  t.same(stage.calls, [['GET', null]])
  stage.runner.wake('restored')
  await stage.run(0)
  t.same(stage.calls[1], ['GET', 'tag'])
})

for (const answer of [{ code: 200, status: nobody }, { code: 401 }]) {
  t.test(`a page of a visitor asks once, and nothing is shown: ${answer.code}`, async t => {
    const stage = await open(t, null, answer)
    await stage.run(hour)
    t.equal(stage.calls.length, 1)
    t.same(stage.posted, [{ type: 'arrived' }], 'pages of a user, in other tabs or kept by the browser, have to ask')
    t.equal(stage.runner.session.stage, 'unknown')
    stage.runner.hint({ type: 'ended', reason: 'idle' })
    t.same([stage.left, stage.events], [[], []])
    stage.runner.wake('focused')
    await stage.run(0)
    t.equal(stage.calls.length, 2, 'when it is looked at again, it asks again')
    stage.answer = { code: 200, status }
    stage.runner.noteTimeLeft(minute, instant())
    await stage.run(4 * second)
    t.equal(stage.runner.session.stage, 'live', 'a response that carries the time leads to the question')
  })
}

t.test('the client calls the server before it warns, and before it says that the session is over', async t => {
  const stage = await open(t)
  stage.answer = { code: 200, status: { ...status, remaining: 2 * minute } }
  await stage.run(28 * minute)
  t.equal(stage.runner.session.stage, 'warned')
  stage.answer = { code: 200, status: { ...nobody, ended: 'idle' } }
  await stage.run(2 * minute)
  t.same(stage.events, ['live warned', 'warned covered', 'covered ended'])
  t.same(stage.left, ['idle'])
  t.same(stage.posted.at(-1), { type: 'ended', reason: 'idle' })
  await stage.run(hour)
  t.equal(stage.calls.length, 3)
})

t.test('an extension in another tab prevents the warning, and an extension ends a warning that is shown', async t => {
  const stage = await open(t)
  await stage.run(28 * minute)
  t.equal(stage.runner.session.stage, 'live')
  stage.answer = { code: 200, status: { ...status, remaining: minute } }
  await stage.run(28 * minute)
  t.equal(stage.runner.session.stage, 'warned')
  stage.answer = { code: 200, status }
  stage.runner.hint({ type: 'extended' })
  await stage.run(second)
  t.equal(stage.runner.session.stage, 'live')
  t.same(stage.posted, [{ type: 'arrived' }, { type: 'extended' }])
  stage.runner.hint({ type: 'extended' })
  await stage.run(second)
  t.equal(stage.calls.length, 4, 'which says nothing to a page that does not warn')
})

t.test('staying: by the user, and told of when it fails', async t => {
  const stage = await open(t, {}, { code: 200, status: { ...status, remaining: minute } })
  t.equal(stage.runner.session.stage, 'warned')
  stage.answer = { code: 0 }
  t.equal(await stage.runner.extend(), false)
  t.equal(stage.runner.session.stage, 'failed')
  stage.answer = { code: 200, status }
  t.equal(await stage.runner.extend(), true)
  t.equal(stage.runner.session.stage, 'live')
  t.same(stage.calls.map(([method]) => method), ['GET', 'POST', 'POST'])
})

t.test('a refused extension leads to the question why', async t => {
  const stage = await open(t)
  stage.answer = { code: 401 }
  const extended = stage.runner.extend()
  stage.answer = { code: 200, status: { ...nobody, ended: 'absolute' } }
  t.equal(await extended, false)
  await stage.run(second)
  t.same(stage.left, ['absolute'])
})

t.test('the page of one user is never that of another', async t => {
  const stage = await open(t)
  stage.answer = { code: 200, status: { ...status, yours: false } }
  stage.runner.noteTimeLeft(30 * minute, instant())
  await stage.run(28 * minute + second)
  t.equal(stage.runner.session.stage, 'ended', 'however often its responses tell of more time')
  t.same(stage.posted, [{ type: 'arrived' }], 'and the tabs of the other user are left alone')
  for (let i = 0; i < 20; i++) {
    stage.runner.wake('restored')
    stage.runner.hint({ type: i % 2 ? 'arrived' : 'resumed' })
    stage.runner.noteTimeLeft(30 * minute, instant())
    t.notOk(isShown(stage.runner.session))
    await stage.run(minute)
    t.notOk(isShown(stage.runner.session))
  }
  stage.answer = { code: 200, status }
  stage.runner.hint({ type: 'resumed' })
  await stage.run(0)
  t.equal(stage.events.at(-1), 'ended live', 'its own user gets it back')
  t.same(stage.posted.at(-1), { type: 'arrived' })
})

t.test('another tab says: it is over, somebody has come, somebody is back', async t => {
  const stage = await open(t)
  stage.runner.hint({ type: 'arrived' })
  await stage.run(second)
  t.equal(stage.calls.length, 2, 'a page in sight asks')
  stage.visible = false
  stage.runner.hint({ type: 'arrived' })
  await stage.run(minute)
  t.equal(stage.calls.length, 2, 'one that nobody sees asks when somebody looks')
  t.equal(stage.runner.session.stage, 'covered', 'and is covered until then')
  stage.answer = { code: 200, status: nobody }
  stage.runner.hint({ type: 'ended', reason: 'signed-out' })
  t.equal(stage.runner.session.stage, 'covered')
  await stage.run(0)
  t.same(stage.left, ['signed-out'], 'with the reason that the other tab gave')
  stage.answer = { code: 200, status }
  stage.runner.hint({ type: 'resumed' })
  await stage.run(2 * second)
  stage.answer = { code: 200, status: nobody }
  stage.runner.wake('restored')
  await stage.run(0)
  t.equal(stage.runner.session.reason, 'missing')
  stage.runner.hint({ type: 'ended', reason: 'absolute' })
  t.equal(stage.runner.session.reason, 'absolute', 'also when that comes late')
})

t.test('waking: what comes out of a cache or from sleep is covered first', async t => {
  const stage = await open(t)
  stage.runner.wake('focused')
  await stage.run(0)
  t.equal(stage.calls.length, 1, 'what has just been asked is not asked again')
  await stage.run(minute)
  stage.runner.wake('focused')
  t.equal(stage.runner.session.stage, 'live')
  await stage.run(0)
  t.equal(stage.calls.length, 2)
  stage.runner.wake('restored')
  t.equal(stage.runner.session.stage, 'covered')
  await stage.run(0)
  t.equal(stage.runner.session.stage, 'live')
})

t.test('back in sight, the page is shown while it asks, unless another tab has said something meanwhile', async t => {
  const stage = await open(t)
  await stage.run(minute)
  stage.runner.wake('shown')
  t.equal(stage.runner.session.stage, 'live')
  await stage.run(0)
  t.equal(stage.calls.length, 2)
  stage.answer = { code: 0 }
  await stage.run(minute)
  stage.runner.wake('shown')
  await stage.run(0)
  t.equal(stage.runner.session.stage, 'live', 'also where no answer comes')
  stage.visible = false
  stage.runner.hint({ type: 'arrived' })
  stage.runner.wake('shown')
  t.equal(stage.runner.session.stage, 'covered')
})

t.test('forged messages of an end, one after the other: covered once, and asked less and less', async t => {
  const stage = await open(t)
  await stage.run(minute)
  const before = stage.calls.length
  let covered = 0
  for (let i = 0; i < 100; i++) {
    stage.runner.hint({ type: 'ended', reason: 'idle' })
    if (!isShown(stage.runner.session)) covered++
    await stage.run(100)
  }
  t.ok(stage.calls.length - before <= 4, `${stage.calls.length - before} requests in ten seconds`)
  t.ok(covered <= 4, `covered ${covered} times`)
  t.equal(stage.runner.session.stage, 'live')
})

t.test('a page of a worker that says nothing of a session is hidden until anything is known', async t => {
  for (const [name, answer, then] of [['nobody', { code: 200, status: nobody }, 'unknown'], ['somebody', { code: 200, status }, 'live'], ['no answer', { code: 0 }, 'unknown']] as const) {
    const stage = await open(t, { stage: 'unclaimed', tag: null, known: null }, answer)
    t.same(stage.events, [`unclaimed ${then}`], name)
    t.same([stage.left, stage.posted.map(({ type }) => type)], [[], then === 'live' ? ['arrived'] : []])
    stage.runner.stop()
    stage.done()
  }
})

t.test('a guard that sends every visitor to the sign-in page keeps no reason back that the time tells', async t => {
  const stage = await open(t)
  stage.answer = { code: 200, status: { ...status, remaining: 2 * minute, idleRemaining: 2 * minute } }
  await stage.run(28 * minute)
  stage.answer = { code: 401 }
  await stage.run(2 * minute)
  t.same(stage.left, ['idle'])
})

t.test('no answer: warned by what was known, covered at the deadline, and told of', async t => {
  const stage = await open(t)
  stage.answer = { code: 0 }
  await stage.run(28 * minute)
  t.equal(stage.runner.session.stage, 'warned')
  await stage.run(2 * minute)
  t.equal(stage.runner.session.stage, 'covered')
  t.ok(stage.shown.silent)
  stage.answer = { code: 200, status }
  stage.runner.retry()
  await stage.run(0)
  t.equal(stage.runner.session.stage, 'live')
})

t.test('a guard that refuses visitors: the end, once the endpoint has proven to be one', async t => {
  const stage = await open(t)
  stage.answer = { code: 401 }
  stage.runner.wake('restored')
  await stage.run(0)
  t.same(stage.left, ['missing'])
})

t.test('signing out covers the page first, and is tried again until it is done', async t => {
  const stage = await open(t)
  stage.answer = { code: 0 }
  t.equal(await stage.runner.end(), false)
  t.equal(stage.runner.session.stage, 'leaving')
  stage.answer = { code: 200, status }
  stage.runner.hint({ type: 'arrived' })
  await stage.run(0)
  t.equal(stage.runner.session.stage, 'leaving', 'that the session lives does not bring the page back')
  stage.answer = { code: 204 }
  await stage.run(2 * second)
  t.same(stage.left, ['signed-out'])
  t.same(stage.posted.at(-1), { type: 'ended', reason: 'signed-out' })
  t.same(stage.calls.map(([method]) => method), ['GET', 'DELETE', 'DELETE'])
})

t.test('signing out to sign in again is no wish to leave', async t => {
  const stage = await open(t)
  stage.answer = { code: 204 }
  t.equal(await stage.runner.end(false), true)
  t.same(stage.left, ['signed-out'])
})

t.test('activity is reported once an interval', async t => {
  const stage = await open(t)
  for (let at = 0; at < 5 * minute; at += second) {
    stage.runner.act()
    await stage.run(second)
  }
  const reports = stage.calls.filter(([method]) => method === 'POST').length
  t.ok(reports >= 4 && reports <= 5, `${reports}`)
})

t.test('an old copy of a page is loaded anew, once, instead of saying that it has ended', async t => {
  const stage = await open(t, { stage: 'copied', known: null }, { code: 200, status: nobody })
  t.equal(stage.reloads, 1)
  t.same(stage.left, [])
})

t.test('a stopped client does nothing any more', async t => {
  const stage = await open(t)
  stage.runner.stop()
  stage.answer = { code: 200, status: nobody }
  stage.runner.wake('restored')
  stage.runner.act()
  stage.runner.noteTimeLeft(1, instant())
  await stage.run(hour)
  t.equal(stage.runner.session.stage, 'stopped')
  t.same(stage.left, [])
})

t.test('a refusal by what has not proven to be the endpoint is no end, until the deadline that the page was told of', async t => {
  const stage = await open(t, {}, { code: 401 })
  await stage.run(10 * minute)
  t.equal(stage.runner.session.stage, 'live')
  t.equal(stage.calls.length, 5)
  await stage.run(20 * minute)
  t.equal(stage.runner.session.stage, 'covered')
  stage.runner.retry()
  await stage.run(0)
  t.equal(stage.runner.session.stage, 'ended', 'at the deadline that the page was told of')
})

t.test('signing out works before anything is known', async t => {
  const stage = await open(t, null, { code: 200, status: nobody })
  stage.answer = { code: 401 }
  t.equal(await stage.runner.end(), false)
  t.same(stage.left, ['signed-out'])
})

t.test('activity is not reported before the endpoint has proven to be one, nor while warned', async t => {
  const stage = await open(t, {}, { code: 404 })
  stage.runner.act()
  await stage.run(2 * minute)
  stage.answer = { code: 200, status: { ...status, remaining: minute } }
  stage.runner.retry()
  await stage.run(0)
  stage.runner.act()
  await stage.run(30 * second)
  t.ok(stage.calls.every(([method]) => method === 'GET'))
})

t.test('a user who has just typed causes a report, not a question', async t => {
  const stage = await open(t)
  await stage.run(28 * minute - 10 * second)
  // The last report was long ago: it goes out at once.
  stage.runner.act()
  await stage.run(0)
  t.same(stage.calls.at(-1), ['POST', 'tag'])
})

t.test('a page may be covered from the start', async t => {
  const stage = await open(t, { stage: 'covered', known: null })
  t.same(stage.events, ['covered live'])
})

t.test('the reason is kept, whatever becomes of the answer that told it', async t => {
  const stage = await open(t)
  stage.answer = { code: 200, status: { ...nobody, ended: 'idle' } }
  stage.runner.wake('restored')
  // Covered by another tab meanwhile: the answer on its way is out of date, and the next one finds no cookie any more.
  stage.runner.hint({ type: 'ended', reason: 'missing' })
  stage.answer = { code: 200, status: nobody }
  await stage.run(0)
  t.same(stage.left, ['idle'])
})
