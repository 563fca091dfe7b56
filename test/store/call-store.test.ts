import t from 'tap'
import { askStore, callStore } from '../../lib/store/call-store.js'

t.test('the first answer of a store is heard, and no other', async t => {
  const heard: unknown[] = []
  callStore<string>(answer => {
    answer(null, 'first')
    answer(new Error('second'))
  }, (error, value) => { heard.push(error ?? value) })
  t.same(heard, ['first'])
})

t.test('an exception and a rejected promise are answers', async t => {
  for (const operation of [() => { throw new Error('down') }, async () => { throw new Error('down') }, (answer: (error: unknown) => void) => { answer(new Error('down')) }]) {
    await t.rejects(askStore(operation), { message: 'down' })
  }
  // A store may throw anything, and nothing is the hardest to tell from success.
  const nothing: unknown = undefined
  for (const operation of [() => { throw nothing }, async () => { throw nothing }]) {
    await t.rejects(askStore(operation), { message: 'The session store failed without an error' })
  }
})

t.test('an exception after the answer is not mistaken for another', async t => {
  const heard: unknown[] = []
  t.throws(() => callStore<string>(answer => answer(null, 'value'), (_error, value) => {
    heard.push(value)
    throw new Error('ours')
  }), { message: 'ours' })
  t.same(heard, ['value'])
})
