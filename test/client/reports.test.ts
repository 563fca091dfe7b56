import FakeTimers from '@sinonjs/fake-timers'
import t, { type Test } from 'tap'
import { createReports, type Reports } from '../../client/session/reports.js'
import { minute, second } from '../helpers/time.js'

function open (t: Test, interval: number | undefined, quietFor = Infinity): { reports: Reports, sent: number[], run: (ms: number) => Promise<void> } {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  t.teardown(() => clock.uninstall())
  const sent: number[] = []
  return { reports: createReports(interval, () => quietFor, idleFor => sent.push(idleFor)), sent, run: async ms => { await clock.tickAsync(ms) } }
}

for (const [interval, least] of [[0, second], [20 * second, 20 * second], [undefined, minute]] as const) {
  t.test(`with an interval of ${interval} there is a report in ${least} ms, however much is done`, async t => {
    const { reports, sent, run } = open(t, interval)
    for (let at = 0; at < 10 * least; at += 100) {
      reports.note()
      await run(100)
    }
    t.ok(sent.length >= 9 && sent.length <= 11, `${sent.length} in ${10 * least} ms`)
    t.ok(sent.every(idleFor => idleFor <= least))
  })
}

t.test('an idle limit that an extension grants tells how often, where the application has not', async t => {
  const { reports, sent, run } = open(t, undefined, 0)
  reports.learn(5 * minute)
  reports.note()
  await run(10 * second - 1)
  t.same(sent, [])
  await run(1)
  t.same(sent, [10 * second])
  reports.learn(null)
  reports.note()
  await run(59 * second)
  t.equal(sent.length, 1)
})

t.test('a waiting report can be sent at once, or cancelled', async t => {
  const { reports, sent, run } = open(t, minute, 0)
  t.notOk(reports.flush(), 'nothing was done')
  reports.note()
  await run(second)
  t.ok(reports.flush())
  t.same(sent, [second])
  reports.note()
  reports.cancel()
  await run(10 * minute)
  t.equal(sent.length, 1)
})
