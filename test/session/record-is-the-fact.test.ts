import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { openScene } from '../helpers/scene.js'
import { day, minute, second } from '../helpers/time.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** As sign-in libraries set it. */
    member: { name: string } | null
  }
}

/** Who is signed in is known to a hook that comes after the plugin's, as with @fastify/passport. */
function library (hook: 'onRequest' | 'preValidation'): AppOptions {
  return {
    timeout: { idleTimeout: '15m', appliesTo: request => request.member != null },
    before: app => { app.decorateRequest('member', null) },
    routes (app) {
      app.addHook(hook, async request => {
        const name = request.session?.userId
        request.member = name === undefined ? null : { name }
      })
      app.post('/log-in', async request => {
        await request.session.regenerate()
        request.session.userId = 'ada'
        request.member = { name: 'ada' }
        return 'in'
      })
      app.post('/plain-log-in', async request => {
        request.session.userId = 'ada'
        request.member = { name: 'ada' }
        return 'in'
      })
      app.post('/log-out', async request => {
        delete request.session.userId
        request.member = null
        return 'out'
      })
      notes(app)
    }
  }
}

function notes (app: FastifyInstance): void {
  let number = 0
  app.post('/cart', async request => {
    request.session.cart = ['book']
    return 'filled'
  })
  app.post('/note', async request => {
    request.session.note = `note ${number++}`
    return { userId: request.session.userId ?? null }
  })
  app.post('/unchecked-note', { config: { sessionTimeout: false } }, async request => {
    request.session.note = `note ${number++}`
    return { userId: request.session.userId ?? null }
  })
}

for (const hook of ['onRequest', 'preValidation'] as const) {
  t.test(`what appliesTo cannot know before ${hook} is no reason to let a session live on`, async t => {
    const { app, clock, logs, store } = await openScene(t, library(hook))
    store.data.clear()
    const browser = createBrowser(app)
    await browser.post('/log-in')
    t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { startedAt: clock.now() } })
    let known = 0
    for (let request = 0; request < 30; request++) {
      clock.tick(50 * minute)
      if ((await browser.get('/me')).json().userId !== null) known++
    }
    t.equal(known, 0, 'requests 50 minutes apart under a limit of 15 minutes')

    await browser.post('/log-in')
    for (let request = 0; request < 5; request++) {
      clock.tick(14 * minute)
      t.match((await browser.post('/note')).json(), { userId: 'ada' }, 'an active user stays')
    }
    const warnings = logs.filter(line => line.level === 40)
    t.equal(warnings.length, 1, 'one warning')
    t.match(warnings[0]!.msg, /appliesTo/)
    clock.tick(15 * minute)
    t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
  })
}

t.test('a first sign-in without a new session contradicts nothing', async t => {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, library('preValidation'))
  const browser = createBrowser(app)
  await browser.post('/cart')
  await browser.post('/plain-log-in')
  t.equal((await browser.get('/me')).json().userId, 'ada')
  t.same(logs.filter(line => line.level === 40), [])
  clock.tick(15 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('where appliesTo says no when a session is stored, its record is taken out', async t => {
  const { app, clock, store } = await openScene(t, library('preValidation'))
  store.data.clear()
  const browser = createBrowser(app)
  await browser.post('/log-in')
  await browser.post('/log-out')
  t.notOk('sessionTimeout' in store.peek(store.sessions()[0]!)!)
  await browser.post('/cart')
  clock.tick(3 * day)
  t.match((await browser.get('/me')).json(), { ended: null, remaining: null })
})

t.test('a session with a record is timed though appliesTo has come to say no', async t => {
  let applies = true
  const { browser, clock, store, id } = await openScene(t, { timeout: { appliesTo: () => applies } })
  applies = false
  clock.tick(10 * minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 30 * minute }, 'and extended')
  t.match(store.peek(id), { sessionTimeout: { lastActivity: clock.now() } })
  clock.tick(30 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('no save mends a malformed record', async t => {
  for (const malformed of [{ startedAt: 'now', lastActivity: 1 }, { startedAt: 1 }, 'record', { startedAt: NaN, lastActivity: NaN }]) {
    await t.test(JSON.stringify(malformed), async t => {
      const { browser, store, id } = await openScene(t, { routes: notes })
      store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: malformed }))
      await browser.clone().post('/unchecked-note')
      t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
      t.same(store.sessions(), [])
    })
  }
})

t.test('a save by a request that loaded the session in time does not repair its malformed record', async t => {
  let goOn!: () => void
  const held = new Promise<void>(resolve => { goOn = resolve })
  let arrived!: () => void
  const reached = new Promise<void>(resolve => { arrived = resolve })
  const { browser, store, id, clock } = await openScene(t, {
    routes (app) {
      app.post('/held-note', async request => {
        arrived()
        await held
        request.session.note = 'kept'
        return 'noted'
      })
    }
  })
  const noting = browser.clone().post('/held-note')
  await reached
  store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: { startedAt: null, lastActivity: 'x' } }))
  goOn()
  await noting
  clock.tick(second)
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('a restart does not revive what another process has timed, and what has ended since', async t => {
  const gate = createGate()
  const { app, clock, store } = await openScene(t, {
    routes (app) {
      app.post('/cart', async request => { request.session.cart = ['tea'] })
      app.post('/late', async request => {
        await gate.pass()
        request.session.userId = 'ada'
        await request.sessionTimeout.restart()
      })
    }
  })
  store.data.clear()
  const browser = createBrowser(app)
  await browser.post('/cart')
  const [id] = store.sessions()
  const late = browser.clone().post('/late')
  await gate.reached
  const instant = clock.now()
  store.data.set(id!, JSON.stringify({ ...store.peek(id!), userId: 'bob', sessionTimeout: { startedAt: instant, lastActivity: instant } }))
  clock.tick(30 * minute)
  gate.open()
  const page = await late
  t.equal(page.statusCode, 401)
  t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  t.same(store.sessions(), [])
})

t.test('a restart starts the clocks of a session that has some, whatever appliesTo says by then', async t => {
  const { browser, clock, store, id } = await openScene(t, {
    timeout: { appliesTo: request => request.url === '/sign-in' },
    routes: app => { app.post('/restart', async request => { await request.sessionTimeout.restart() }) }
  })
  clock.tick(10 * minute)
  t.equal((await browser.post('/restart')).statusCode, 200)
  t.match(store.peek(id), { sessionTimeout: { startedAt: clock.now(), lastActivity: clock.now() } })
})
