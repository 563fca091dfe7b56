import t from 'tap'
import { LimitsInForce } from '../../lib/session/limits-in-force.js'

t.test('the strictest limits of those that are in force', async t => {
  const limits = new LimitsInForce()
  t.same(limits.strictest, { idle: false, absolute: false })
  limits.add({ idle: 30, absolute: false })
  limits.add({ idle: 10, absolute: 100 })
  limits.add({ idle: 10, absolute: 100 })
  limits.add({ idle: false, absolute: 50 })
  t.same(limits.strictest, { idle: 10, absolute: 50 })
  limits.remove({ idle: 10, absolute: 100 })
  t.same(limits.strictest, { idle: 10, absolute: 50 }, 'another one has the same')
  limits.remove({ idle: 10, absolute: 100 })
  t.same(limits.strictest, { idle: 30, absolute: 50 })
  limits.remove({ idle: false, absolute: 50 })
  limits.remove({ idle: 30, absolute: false })
  t.same(limits.strictest, { idle: false, absolute: false })
})

t.test('thousands that leave together cost no more each than a few', async t => {
  const limits = new LimitsInForce()
  const one = { idle: 1000, absolute: 5000 }
  for (let count = 0; count < 100_000; count++) limits.add(one)
  const start = performance.now()
  for (let count = 0; count < 100_000; count++) limits.remove(one)
  // To look at all that are left each time took 3 s for 8,000.
  t.ok(performance.now() - start < 1000)
})
