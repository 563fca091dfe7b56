import { setTimeout as pauseForReal } from 'node:timers/promises'
import t from 'tap'
import { fakeClock } from '../helpers/clock.js'
import { openExample, quiet, settle, textOf } from './live.js'
import { second } from '../helpers/time.js'

/** Rows that come when the test says so. */
function source () {
  const waiting: Array<(last: boolean) => void> = []
  const seen = { closed: false }
  return { rows, next, seen }

  async function * rows (): AsyncGenerator<string> {
    try {
      for (let row = 1; ; row++) {
        yield `row ${row}\n`
        if (await new Promise<boolean>(resolve => { waiting.push(resolve) })) return
      }
    } finally {
      seen.closed = true
    }
  }

  function next (last = false): void {
    waiting.shift()?.(last)
  }
}

t.test('a download is cut off with its session, and its source closed', async t => {
  const clock = fakeClock(t, { timers: true })
  const { rows, next, seen } = source()
  const logged: Array<{ msg: string }> = []
  const logger = { level: 'info', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } }
  const { open } = await openExample(t, 'download.js', 'buildDownload', { rows, logger })
  const response = await open('/export.csv')
  t.match(response.headers, { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': 'attachment; filename="export.csv"' })
  const file = textOf(response)
  for (let row = 1; row <= 3; row++) {
    await settle(() => file.text.includes(`row ${row}\n`))
    await clock.run(15 * second)
    next()
  }
  await settle(() => file.text.includes('row 4\n'))
  await clock.run(15 * second - 1)
  await quiet()
  t.equal(response.closed, false, 'a millisecond before')
  await clock.run(1)
  await settle(() => response.closed)
  t.equal(response.complete, false, 'a client can tell that it is not the whole file')
  next()
  await settle(() => seen.closed)
  t.ok(seen.closed)
  t.ok(logged.some(({ msg }) => msg === 'the export ended with the session'))
})

t.test('a download goes on while the user works, and comes to its end', async t => {
  const clock = fakeClock(t, { timers: true })
  const { rows, next } = source()
  const { open } = await openExample(t, 'download.js', 'buildDownload', { rows })
  const response = await open('/export.csv')
  const file = textOf(response)
  for (let row = 1; row <= 4; row++) {
    await settle(() => file.text.includes(`row ${row}\n`))
    await clock.run(50 * second)
    t.equal((await open('/work')).statusCode, 200)
    next(row === 4)
  }
  await settle(() => response.closed)
  t.ok(response.complete)
  t.equal(file.text, 'row 1\nrow 2\nrow 3\nrow 4\n')
})

t.test('a download that is given up closes its source', async t => {
  fakeClock(t, { timers: true })
  const { rows, next, seen } = source()
  const { open } = await openExample(t, 'download.js', 'buildDownload', { rows })
  const response = await open('/export.csv')
  response.resume()
  await quiet()
  response.destroy()
  await quiet()
  next()
  await settle(() => seen.closed)
  t.ok(seen.closed)
})

t.test('a visitor gets a 401', async t => {
  const { app } = await openExample(t, 'download.js', 'buildDownload')
  t.equal((await app.inject('/export.csv')).statusCode, 401)
})

t.test('the rows of the example itself arrive', async t => {
  const { open } = await openExample(t, 'download.js', 'buildDownload')
  const response = await open('/export.csv')
  const file = textOf(response)
  for (let waited = 0; waited < 50 && !file.text.includes('\n2,'); waited++) await pauseForReal(20)
  t.match(file.text, 'id,amount\n1,79.19\n2,158.38\n')
  response.destroy()
})
