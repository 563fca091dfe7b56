import t from 'tap'
import { Queue } from '../../lib/session/queue.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'

/** Notes what runs, and keeps what each operation is to call when it is done. */
function record (queue: Queue): { log: string[], done: Record<string, () => void>, add: (name: string) => void } {
  const log: string[] = []
  const done: Record<string, () => void> = {}
  return {
    log,
    done,
    add: name => queue.run(finished => {
      log.push(name)
      done[name] = finished
    })
  }
}

t.test('operations run one after the other, the first at once', t => {
  const { log, done, add } = record(new Queue())
  for (const name of ['one', 'two', 'three']) add(name)
  t.same(log, ['one'])
  done.one!()
  t.same(log, ['one', 'two'])
  done.two!()
  t.same(log, ['one', 'two', 'three'])
  done.three!()
  add('four')
  t.same(log.at(-1), 'four', 'an empty queue lets the next run at once')
  t.end()
})

t.test('one that never reports keeps the others waiting for ten seconds, not for ever', async t => {
  const clock = fakeClock(t, { timers: true })
  const { log, done, add } = record(new Queue())
  for (const name of ['hangs', 'also hangs', 'third', 'fourth']) add(name)
  clock.tick(10 * second - 1)
  t.same(log, ['hangs'])
  clock.tick(1)
  t.same(log, ['hangs', 'also hangs'])
  clock.tick(10 * second - 1)
  t.same(log, ['hangs', 'also hangs'], 'each has its own ten seconds')
  clock.tick(1)
  t.same(log, ['hangs', 'also hangs', 'third'])

  done.hangs!()
  done['also hangs']!()
  t.same(log, ['hangs', 'also hangs', 'third'], 'reports that come too late end nobody else\'s turn')
  done.third!()
  t.same(log, ['hangs', 'also hangs', 'third', 'fourth'])
})

t.test('whoever comes later waits from then on', async t => {
  const clock = fakeClock(t, { timers: true })
  const { log, done, add } = record(new Queue())
  add('hangs')
  clock.tick(15 * second)
  add('second')
  clock.tick(10 * second - 1)
  t.same(log, ['hangs'])
  clock.tick(1)
  t.same(log, ['hangs', 'second'])
  done.second!()
  done.second!()
  add('third')
  add('fourth')
  t.same(log, ['hangs', 'second', 'third'], 'a second report is none')
  done.third!()
  add('fifth')
  clock.tick(10 * second - 1)
  t.same(log, ['hangs', 'second', 'third', 'fourth'])
  done.fourth!()
  t.same(log, ['hangs', 'second', 'third', 'fourth', 'fifth'])
})
