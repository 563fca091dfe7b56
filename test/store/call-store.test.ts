import t from 'tap'
import { callStore } from '../../lib/store/call-store.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'

const down = new Error('down')

t.test('the first answer counts', async t => {
  t.equal(await callStore<number>(answer => { answer(null, 1); answer(null, 2); answer(down) }), 1)
  await t.rejects(callStore(answer => { answer(down); answer(null, 1) }), down)
})

t.test('an exception and a rejection are answers, unless one was given before', async t => {
  await t.rejects(callStore(() => { throw down }), down)
  await t.rejects(callStore(async () => { throw down }), down)
  t.equal(await callStore<number>(answer => { answer(null, 1); throw down }), 1)
  t.equal(await callStore<number>(async answer => { answer(null, 1); throw down }), 1)
})

t.test('a rejection without an error is an error all the same', async t => {
  await t.rejects(callStore(() => ({ then: (_: unknown, fail: (error?: unknown) => void) => fail() })), { message: 'The session store failed without an error' })
})

t.test('a store that does not answer is waited for ten seconds', async t => {
  const clock = fakeClock(t, { timers: true })
  let late!: (error: unknown, value?: number) => void
  const outcome = callStore<number>(answer => { late = answer }).then(() => 'answered', (error: Error) => error.message)
  let told: string | undefined
  outcome.then(text => { told = text })
  await clock.run(10 * second - 1)
  t.equal(told, undefined)
  await clock.run(1)
  t.equal(told, 'The session store did not answer in time')
  late(null, 1)
})
