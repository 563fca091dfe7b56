import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate, type Gate } from '../helpers/gate.js'
import { openScene, openTwins, settle } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const timeout: FastifySessionTimeoutOptions = { user: session => session.userId, idleTimeout: '30m', absoluteTimeout: '2h' }

function routes (app: FastifyInstance): void {
  app.post<{ Querystring: { user: string } }>('/become', async request => { request.session.userId = request.query.user })
  app.post('/note', async request => { request.session.note = request.id })
}

/** A request that stays open until the gate does. */
function listen (app: FastifyInstance, gate: Gate, signals: AbortSignal[]): void {
  app.get('/listen', async request => {
    signals.push(request.sessionTimeout.signal)
    await gate.pass()
    return 'listening'
  })
}

async function open (t: Test) {
  const gate = createGate()
  const signals: AbortSignal[] = []
  const scene = await openScene(t, {
    ...timeout && { timeout },
    routes (app) {
      routes(app)
      listen(app, gate, signals)
    }
  })
  return { ...scene, gate, signals }
}

t.test('a session whose user becomes another one starts both clocks anew', async t => {
  const { clock, browser, store, id } = await open(t)
  for (let activity = 0; activity < 4; activity++) {
    clock.tick(29 * minute)
    await browser.get('/me')
  }
  await browser.post('/become?user=bob')
  t.match(store.peek(id), { userId: 'bob', sessionTimeout: { startedAt: clock.now(), lastActivity: clock.now() } })
  clock.tick(29 * minute)
  t.match((await browser.get('/me')).json(), { userId: 'bob', ended: null }, 'past the absolute limit of the user before')
})

t.test('a save by the same user does not', async t => {
  const { clock, browser, store, id } = await open(t)
  const startedAt = clock.now()
  clock.tick(10 * minute)
  await browser.post('/become?user=ada')
  await browser.post('/note')
  t.match(store.peek(id), { sessionTimeout: { startedAt } })
})

t.test('a change of user ends the connections of the previous user at once', async t => {
  const { browser, gate, signals } = await open(t)
  const listening = browser.clone().get('/listen')
  await gate.reached
  await browser.post('/note')
  t.equal(signals[0]!.aborted, false)
  await browser.post('/become?user=bob')
  t.equal(signals[0]!.aborted, true)
  t.match(signals[0]!.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', statusCode: 401 })
  gate.open()
  await listening
})

t.test('another process ignores what it remembers of the previous user', async t => {
  const data = new Map<string, string>()
  const { here, there, id } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], { timeout, routes })
  await there.browser.get('/me')
  await here.browser.post('/become?user=bob')
  t.match((await there.browser.get('/me')).json(), { userId: 'bob', ended: null })
  t.ok(data.has(id))
})

t.test('where another process makes the session another user\'s, they end at the next look-up', async t => {
  const data = new Map<string, string>()
  const clock = fakeClock(t, { timers: true })
  const gate = createGate()
  const signals: AbortSignal[] = []
  const { here, there } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], {
    timeout,
    routes (app) {
      routes(app)
      listen(app, gate, signals)
    }
  })
  const listening = here.browser.clone().get('/listen')
  await gate.reached
  await there.browser.post('/become?user=bob')
  for (let passed = 0; passed < 31; passed++) {
    await clock.run(second)
    await settle()
  }
  t.equal(signals[0]!.aborted, true)
  gate.open()
  await listening
})
