import underPressure from '@fastify/under-pressure'
import t from 'tap'
import { buildApp } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

t.test('a request that is shed before the sessions reads none and extends none', async t => {
  const clock = fakeClock(t)
  const store = new CountingStore(new JsonStore())
  let pressed = false
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { user: session => session.userId, afterTimeout: 'unauthorized' },
    before (app) {
      // A check that always fails, and a handler that says whether it counts: pressure at will.
      app.register(underPressure, {
        healthCheck: async () => false,
        healthCheckInterval: hour,
        pressureHandler: (_request, reply) => { if (pressed) reply.code(503).send('busy') }
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.equal((await browser.get('/me')).statusCode, 200)
  const before = { ...store.counts }
  pressed = true
  clock.tick(20 * minute)
  t.equal((await browser.get('/me')).statusCode, 503)
  t.same(store.counts, before)
  pressed = false
  clock.tick(10 * minute)
  t.equal((await browser.get('/me')).statusCode, 401, 'what was shed did not extend the session')
})
