import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Duration, FastifySessionTimeoutOptions, RouteSessionTimeout } from '../../index.js'
import { buildApp, signedIn, type LogLine } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'

function strict (idleTimeout: Duration): (app: FastifyInstance) => void {
  return app => {
    app.get('/strict', { config: { sessionTimeout: { idleTimeout } as RouteSessionTimeout } }, async request => request.session.userId ?? 'nobody')
  }
}

function warnings (logs: LogLine[]): LogLine[] {
  return logs.filter(line => line.level === 40 && !/countsAsActivity/.test(line.msg))
}

const refused: Array<[general: FastifySessionTimeoutOptions, route: Duration, why: string]> = [
  [{}, '1m', 'as long as the touchInterval by default'],
  [{}, '30s', 'shorter than it'],
  [{ idleTimeout: '15m' }, '30s', 'as long as a thirtieth of the limit'],
  [{ touchInterval: '5m' }, '5m', 'as long as a touchInterval that is given'],
  [{ touchInterval: '5m', idleTimeout: () => '30m' }, '5m', 'the same where the limit is a function'],
  [{ touchInterval: '5m', idleTimeout: false, absoluteTimeout: '8h' }, '4m', 'or where there is none'],
  [{}, '10h', 'laxer than the limit by default'],
  [{ idleTimeout: '15m' }, 15 * minute + 1, 'laxer than a fixed limit']
]

for (const [general, route, why] of refused) {
  t.test(`a route's idleTimeout of ${route} is refused where it is ${why}`, async t => {
    await t.rejects(buildApp(t, { timeout: general, routes: strict(route) }), {
      code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
      message: new RegExp(`^config\\.sessionTimeout\\.idleTimeout of GET /strict must be .*received ${typeof route === 'string' ? `"${route}"` : route}$`)
    })
  })
}

const accepted: Array<[general: FastifySessionTimeoutOptions, route: Duration]> = [
  [{}, minute + 1], [{}, '5m'], [{ idleTimeout: '15m' }, 30_001], [{ touchInterval: '5m' }, 5 * minute + 1], [{ touchInterval: 0 }, 1],
  [{ idleTimeout: '15m' }, 15 * minute - 1], [{ idleTimeout: false, absoluteTimeout: '8h' }, '10h']
]

for (const [general, route] of accepted) {
  t.test(`one of ${route} is accepted under ${JSON.stringify(general)}, without a word`, async t => {
    const { logs } = await buildApp(t, { timeout: general, routes: strict(route) })
    t.same(warnings(logs).filter(line => /route|config/.test(line.msg)), [])
  })
}

t.test('where the general limit is a function, a route that is laxer is warned of, once', async t => {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: () => '30m' }, routes: strict('10h') })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let i = 0; i < 5; i++) {
    clock.tick(minute)
    t.equal((await browser.get('/strict')).body, 'ada')
  }
  t.equal(warnings(logs).length, 1)
  t.match(warnings(logs)[0]?.msg, /idleTimeout/)
  clock.tick(30 * minute)
  t.equal((await browser.get('/strict')).body, 'nobody', 'and the stricter of the two holds')
})

t.test('a route limit that is not above the touchInterval in force is refused', async t => {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: () => '30m' }, routes: strict('30s') })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let i = 0; i < 5; i++) {
    clock.tick(1000)
    await browser.get('/strict')
  }
  t.equal(warnings(logs).length, 1)
  t.match(warnings(logs)[0]?.msg, /touchInterval/)
})

t.test('a user who is active on a strict route is not ended there', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn }, routes: strict('2m') })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let i = 0; i < 60; i++) {
    clock.tick(59_000)
    t.equal((await browser.get('/strict')).body, 'ada')
  }
})
