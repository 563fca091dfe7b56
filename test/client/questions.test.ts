import FakeTimers from '@sinonjs/fake-timers'
import t, { type Test } from 'tap'
import { instant } from '../../client/clock.js'
import { createQuestions, type Questions, type Usefulness } from '../../client/session/questions.js'
import type { Answer, Method } from '../../client/session/server.js'
import { hour, minute } from '../helpers/time.js'

interface Line {
  questions: Questions
  /** Methods of the calls. */
  calls: Method[]
  heard: Method[]
  complaints: number[]
  run (ms: number): Promise<void>
  /** How useful the answers are from now on, and how long they take. */
  usefulness: Usefulness
  takes: number
}

function open (t: Test, usefulness: Usefulness = 'news'): Line {
  const clock = FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  t.teardown(() => clock.uninstall())
  const line: Line = {
    questions: createQuestions({
      async call (method): Promise<Answer> {
        line.calls.push(method)
        const at = instant()
        if (line.takes > 0) await new Promise(resolve => setTimeout(resolve, line.takes))
        return { at, code: 404 }
      },
      question: () => 'GET',
      receive (_answer, method) {
        line.heard.push(method)
        return line.usefulness
      },
      complain: code => line.complaints.push(code)
    }),
    calls: [],
    heard: [],
    complaints: [],
    run: async ms => { await clock.tickAsync(ms) },
    usefulness,
    takes: 0
  }
  return line
}

t.test('however often it is asked to ask, one question is on its way', async t => {
  const line = open(t)
  line.takes = 100
  for (let i = 0; i < 10; i++) line.questions.askNow()
  line.questions.ask()
  await line.run(100)
  t.same(line.calls, ['GET'])
})

t.test('a question that does not matter now waits a second after the last one', async t => {
  const line = open(t)
  t.equal(line.questions.quietFor, Infinity)
  line.questions.ask()
  await line.run(100)
  line.questions.ask()
  line.questions.ask()
  t.equal(line.calls.length, 1)
  t.equal(line.questions.quietFor, 100)
  await line.run(900)
  t.equal(line.calls.length, 2)
  line.questions.ask()
  line.questions.askNow()
  t.equal(line.calls.length, 3, 'one that matters does not wait')
  await line.run(hour)
  t.equal(line.calls.length, 3, 'and no answer leads to another question')
})

t.test('where asking brings nothing new, there is less and less of it', async t => {
  const line = open(t, 'no news')
  for (let at = 0; at < 10 * minute; at += 100) {
    line.questions.ask()
    await line.run(100)
  }
  t.ok(line.calls.length <= 16, `${line.calls.length} in ten minutes of asking ten times a second`)
  line.usefulness = 'news'
  const before = line.calls.length
  line.questions.askNow()
  await line.run(0)
  line.questions.ask()
  await line.run(1000)
  t.equal(line.calls.length - before, 2, 'until it does')
})

t.test('failures: five questions in ten minutes, whoever asks; then every quarter of an hour', async t => {
  const line = open(t, 'none')
  for (let at = 0; at < 10 * minute; at += 1000) {
    line.questions.ask()
    line.questions.askNow()
    await line.run(1000)
  }
  t.equal(line.calls.length, 5)
  t.ok(line.questions.failing)
  t.equal(line.complaints.length, 5)
  t.ok(line.complaints.every(code => code === 404))
  const before = line.calls.length
  await line.run(5 * hour)
  t.ok(line.calls.length - before <= 21)
  line.usefulness = 'news'
  await line.questions.insist()
  t.notOk(line.questions.failing)
  const then = line.calls.length
  await line.run(hour)
  t.equal(line.calls.length, then, 'the end of it')
})

t.test('the user may insist', async t => {
  const line = open(t, 'none')
  line.questions.askNow()
  await line.run(1)
  t.equal(line.calls.length, 1)
  await line.questions.insist()
  t.equal(line.calls.length, 2)
})

t.test('answers that were overtaken, or that nobody wants any more, are not heard', async t => {
  const line = open(t)
  line.takes = 200
  const slow = line.questions.send('POST')
  line.takes = 100
  const fast = line.questions.send('DELETE')
  await line.run(200)
  await Promise.all([slow, fast])
  t.same(line.heard, ['DELETE'])
  line.questions.askNow()
  line.questions.forget()
  line.questions.askNow()
  await line.run(200)
  t.same(line.calls, ['POST', 'DELETE', 'GET', 'GET'])
  t.same(line.heard, ['DELETE', 'GET'])
})

t.test('stopped questions send no more calls', async t => {
  const line = open(t, 'none')
  line.questions.askNow()
  await line.run(1)
  line.questions.stop()
  await line.run(hour)
  t.equal(line.calls.length, 1)
})
