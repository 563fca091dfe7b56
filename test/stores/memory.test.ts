import t from 'tap'
import { checkSubject } from '../helpers/store-contract.js'

for (const file of ['memorystore', 'keyv', 'lru-cache', 'hand-written', 'express-session-memory']) {
  t.test(`the contract holds on ${file}`, async t => {
    await checkSubject(t, file)
  })
}

t.test('the contract holds on @fastify/session\'s MemoryStore, but that it forgets nothing', async t => {
  const fails = [/^(30 minutes idle|no absolute limit|nistAal1), after .*: never forgotten$/, /^a basket .*: never forgotten$/]
  const report = await checkSubject(t, 'fastify-memory', { fails })
  t.same(report.costs.marks?.signOut, { get: 1, set: 0, destroy: 2, replace: 0 }, 'no marks, which would stay for ever; the clock goes with its session')
})
