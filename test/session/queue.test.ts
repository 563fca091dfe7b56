import t from 'tap'
import { Queue } from '../../lib/session/queue.js'

/** Notes what runs, and keeps what each operation waits for. */
function record (queue: Queue): { log: string[], done: Record<string, () => void>, add: (name: string) => Promise<string> } {
  const log: string[] = []
  const done: Record<string, () => void> = {}
  return {
    log,
    done,
    add: name => queue.run(async () => {
      log.push(name)
      await new Promise<void>(resolve => { done[name] = resolve })
      return name
    })
  }
}

t.test('operations run one after the other, the first at once', async t => {
  const { log, done, add } = record(new Queue())
  const results = ['one', 'two', 'three'].map(add)
  t.same(log, ['one'])
  done.one!()
  t.equal(await results[0], 'one')
  await Promise.resolve()
  t.same(log, ['one', 'two'])
  done.two!()
  await results[1]
  await Promise.resolve()
  t.same(log, ['one', 'two', 'three'])
  done.three!()
  await results[2]
  add('four')
  t.same(log.at(-1), 'four', 'an empty queue lets the next run at once')
})

t.test('an operation that fails lets the next one run', async t => {
  const queue = new Queue()
  const failing = queue.run(async () => { throw new Error('refused') })
  const next = queue.run(async () => 'done')
  await t.rejects(failing, new Error('refused'))
  t.equal(await next, 'done')
})

t.test('a queue holds a thousand waiting operations, and refuses more', async t => {
  const queue = new Queue()
  let open!: () => void
  const first = queue.run(() => new Promise<void>(resolve => { open = resolve }))
  const waiting = Array.from({ length: 1000 }, () => queue.run(async () => {}))
  await t.rejects(queue.run(async () => {}), { code: 'FST_SESSION_TIMEOUT_STORE', statusCode: 503, cause: { message: 'More than 1000 operations wait for one session' } })
  open()
  await Promise.all([first, ...waiting])
  t.equal(await queue.run(async () => 'runs'), 'runs', 'and once they are through, the next may')
})
