import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

interface Site {
  browser: Browser
  store: CountingStore
  /** Whether requests are shed. */
  pressure: { on: boolean }
}

async function buildSite (t: Test, place: 'before' | 'routes'): Promise<Site> {
  const store = new CountingStore(new JsonStore())
  const pressure = { on: false }
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { user: session => session.userId, afterTimeout: 'unauthorized' },
    [place] (app: FastifyInstance) {
      // A check that always fails, and a handler that says whether it counts: pressure at will.
      app.register(underPressure, {
        healthCheck: async () => false,
        healthCheckInterval: hour,
        pressureHandler: (_request, reply) => { if (pressure.on) reply.code(503).send('busy') }
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.equal((await browser.get('/me')).statusCode, 200)
  return { browser, store, pressure }
}

t.test('a request that is shed before the sessions reads none and extends none', async t => {
  const clock = fakeClock(t)
  const { browser, store, pressure } = await buildSite(t, 'before')
  const before = { ...store.counts }
  pressure.on = true
  clock.tick(20 * minute)
  t.equal((await browser.get('/me')).statusCode, 503)
  t.same(store.counts, before)
  pressure.on = false
  clock.tick(10 * minute)
  t.equal((await browser.get('/me')).statusCode, 401, 'what was shed did not extend the session')
})

t.test('shed after the plugin, it has read and extended its session', async t => {
  const clock = fakeClock(t)
  const { browser, store, pressure } = await buildSite(t, 'routes')
  const { get } = store.counts
  pressure.on = true
  clock.tick(20 * minute)
  t.equal((await browser.get('/me')).statusCode, 503)
  t.ok(store.counts.get > get)
  pressure.on = false
  clock.tick(10 * minute)
  t.equal((await browser.get('/me')).statusCode, 200)
})
