import t from 'tap'
import type { Limits } from '../../lib/policy.js'
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
  let looks = 0
  const one: Limits = {
    get idle () {
      looks++
      return 1000
    },
    absolute: 5000
  }
  for (let count = 0; count < 8000; count++) limits.add(one)
  looks = 0
  for (let count = 0; count < 8000; count++) limits.remove(one)
  t.equal(looks, 8000, 'to look at all that are left each time took 32 million, and three seconds')
})
