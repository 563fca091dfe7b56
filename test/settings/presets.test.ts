import t from 'tap'
import sessionTimeout, { policies } from '../../index.js'
import { buildApp } from '../helpers/app.js'
import { day, hour, minute } from '../helpers/time.js'

t.test('the presets have the figures of their standards', async t => {
  t.same(policies, {
    nistAal1: { idleTimeout: false, absoluteTimeout: 30 * day },
    nistAal2: { idleTimeout: hour, absoluteTimeout: 24 * hour },
    nistAal3: { idleTimeout: 15 * minute, absoluteTimeout: 12 * hour },
    pciDss: { idleTimeout: 15 * minute },
    owaspHighValue: { idleTimeout: 5 * minute, absoluteTimeout: 4 * hour },
    owaspLowRisk: { idleTimeout: 30 * minute, absoluteTimeout: 8 * hour }
  })
})

t.test('the presets are frozen', async t => {
  t.ok(Object.isFrozen(policies))
  for (const [name, policy] of Object.entries(policies)) t.ok(Object.isFrozen(policy), name)
})

t.test('every preset can be spread into the options', async t => {
  for (const [name, policy] of Object.entries(policies)) {
    await t.resolves(buildApp(t, { timeout: { ...policy, afterTimeout: 'unauthorized' } }), name)
    await t.resolves(buildApp(t, { timeout: policy }), `${name} as it is`)
  }
})

t.test('the plugin has a name that other plugins can depend on', async t => {
  const symbol = Symbol.for('plugin-meta')
  t.match((sessionTimeout as unknown as { [symbol]: unknown })[symbol], { name: 'fastify-session-timeout', fastify: '5.x' })
})
