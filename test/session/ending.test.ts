import session from '@fastify/session'
import t from 'tap'
import type { FastifySessionTimeoutOptions, SessionTimeout } from '../../index.js'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, isEntry, JsonStore } from '../helpers/stores.js'
import { day, hour, minute } from '../helpers/time.js'

t.test('the stored session is destroyed before anything else is done', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const events: string[] = []
  const { app } = await buildApp(t, {
    session: { store },
    flash: true,
    timeout: {
      appliesTo: signedIn,
      onTimeout: () => { events.push(`onTimeout, ${store.sessions().length} stored`) },
      flash: { ended: () => { events.push(`flash, ${store.sessions().length} stored`); return 'bye' } }
    },
    routes: app => { app.get('/page', async () => { events.push('handler') }) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  await browser.navigate('/page')
  t.same(events, ['onTimeout, 0 stored', 'flash, 0 stored', 'handler'])
})

t.test('the request goes on with a fresh, empty, unsaved session with a new id', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.get('/inside', async request => ({ keys: Object.keys(request.session), saved: request.session.isSaved(), modified: request.session.isModified(), id: request.session.sessionId }))
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const old = store.sessions()[0]
  clock.tick(30 * minute)
  const page = await browser.get('/inside')
  t.match(page.json(), { keys: ['cookie'], saved: false, modified: false })
  t.not(page.json().id, old)
  t.same(store.sessions(), [], 'no orphan')
  t.same(page.setCookies, ['sessionId=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax'], 'the host clears the stale cookie')
})

t.test('onTimeout is told what ended', async t => {
  const clock = fakeClock(t)
  const seen: SessionTimeout[] = []
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, onTimeout: (_request, _reply, timeout) => { seen.push(timeout) } } })
  const browser = createBrowser(app)
  await browser.post('/sign-in?role=editor')
  const startedAt = clock.now()
  clock.tick(10 * minute)
  const lastActivity = clock.now()
  await browser.get('/me')
  const { sessionId } = (await browser.get('/me')).json()
  clock.tick(31 * minute)
  await browser.get('/me')
  t.same(seen, [{ reason: 'idle', startedAt, lastActivity, idleFor: 31 * minute, sessionId, session: { userId: 'ada', role: 'editor' } }])
  t.ok(Object.isFrozen(seen[0]) && Object.isFrozen(seen[0]!.session))
})

t.test('onTimeout sees the fresh session, and may write into it', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: {
      appliesTo: signedIn,
      onTimeout: async (request, _reply, timeout) => {
        request.session.note = `${String(timeout.session.userId)} left ${String(request.session.userId)}, ${request.sessionTimeout.ended}`
      }
    },
    routes: app => { app.get('/note', async request => request.session.note) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.equal((await browser.get('/note')).body, 'ada left undefined, idle')
  t.equal((await browser.get('/note')).body, 'ada left undefined, idle', 'kept for the next request')
})

t.test('onTimeout may send the reply', async t => {
  const clock = fakeClock(t)
  const replies: Array<NonNullable<FastifySessionTimeoutOptions['onTimeout']>> = [
    (_request, reply) => { reply.code(419).send({ over: true }) },
    async (_request, reply) => { reply.code(419).send({ over: true }) },
    async (_request, reply) => { await reply.code(419).send({ over: true }) },
    async (request, reply) => { request.session.note = 'saved late'; reply.code(419).send({ over: true }) },
    (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(419, { 'content-type': 'application/json' })
      reply.raw.end('{"over":true}')
    }
  ]
  const hosts: AppOptions['session'][] = [{}, { store: new JsonStore({ min: 1, max: 2 }) }, { store: new JsonStore({ min: 1, max: 2 }), saveUninitialized: true }]
  for (const session of hosts) {
    for (const onTimeout of replies) {
      for (const afterTimeout of ['continue', 'unauthorized', { redirectTo: '/login' }] as const) {
        let handled = 0
        const { app, logs } = await buildApp(t, {
          session: session!,
          timeout: { appliesTo: signedIn, onTimeout, afterTimeout },
          routes: app => { app.get('/handler', async () => { handled++ }) }
        })
        const browser = createBrowser(app)
        await browser.post('/sign-in')
        clock.tick(30 * minute)
        const page = await browser.get('/handler')
        t.equal(page.statusCode, 419)
        t.same(page.json(), { over: true })
        t.equal(handled, 0, 'the handler is not run')
        t.same(logs.filter(line => line.level > 30).map(line => line.msg), [], 'nothing is sent twice')
      }
    }
  }
})

t.test('onTimeout may redirect the request', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, onTimeout: (_request, reply) => reply.redirect('/bye') } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  const page = await browser.get('/me')
  t.equal(page.statusCode, 302)
  t.equal(page.headers.location, '/bye')
})

t.test('when onTimeout throws, its error goes the usual way and the session stays ended', async t => {
  const clock = fakeClock(t)
  for (const onTimeout of [() => { throw new Error('audit is down') }, async () => { throw new Error('audit is down') }]) {
    const store = new JsonStore()
    const { app } = await buildApp(t, {
      session: { store },
      timeout: { appliesTo: signedIn, onTimeout },
      routes: app => { app.setErrorHandler((error, request) => ({ handled: (error as Error).message, userId: request.session.userId ?? null })) }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(30 * minute)
    const stale = browser.clone()
    t.same((await browser.get('/me')).json(), { handled: 'audit is down', userId: null })
    t.same(store.sessions(), [])
    t.match((await stale.get('/me')).json(), { userId: null, ended: 'idle' })
  }
})

t.test('when the text of a message throws, the session stays ended', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { flash: true, session: { store }, timeout: { appliesTo: signedIn, flash: { ended: () => { throw new Error('no text') } } } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.match((await browser.clone().navigate('/me')).json(), { statusCode: 500, message: 'flash.ended failed: the function threw Error' })
  t.same(store.sessions(), [])
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('a host that gives no fresh session ends the request with an error', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    beforeTimeout (app) {
      Object.assign(app, { decryptSession: (_id: string, _request: unknown, callback: () => void) => { callback() } })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.match((await browser.get('/me')).json(), { statusCode: 500, code: 'FST_SESSION_TIMEOUT_NO_SESSION', message: '@fastify/session gave no session' })
  t.same(store.sessions(), [])
})

t.test('a malformed record has ended, and nothing of it is trusted', async t => {
  const clock = fakeClock(t)
  const malformed = [null, 0, 'now', true, [], {}, { startedAt: clock.now() }, { startedAt: clock.now(), lastActivity: 'now' }, { startedAt: null, lastActivity: clock.now() }, { startedAt: -1, lastActivity: clock.now() }]
  for (const record of malformed) {
    const store = new JsonStore()
    const seen: SessionTimeout[] = []
    const { app, logs } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, onTimeout: (_request, _reply, timeout) => { seen.push(timeout) } } })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const id = store.sessions()[0]!
    store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: record }))
    t.match((await browser.get('/me')).json(), { userId: null, ended: 'idle' }, JSON.stringify(record))
    t.same(store.sessions(), [])
    t.same(seen, [{ reason: 'idle', startedAt: null, lastActivity: null, idleFor: null, sessionId: id, session: { userId: 'ada' } }])
    t.match(logs.find(line => line.msg === 'session timed out'), { reason: 'idle', idleFor: null, age: null })
  }
})

t.test('a session extended elsewhere since it was loaded is not ended', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, onTimeout: () => { t.fail('it is live') } } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const id = store.sessions()[0]!
  const startedAt = clock.now()
  clock.tick(30 * minute)
  // Another process writes between the load and the look before the end.
  const get = store.get.bind(store)
  let loads = 0
  store.get = (key, callback) => get(key, (error, found) => {
    if (key === id && ++loads === 1) store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: { startedAt, lastActivity: clock.now() - 1000 } }))
    callback(error, found)
  })
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 30 * minute - 1000 })
})

for (const [name, prefix] of [['plain cookies', ''], ['prefixed cookies', 's:']] as const) {
  for (const saveUninitialized of [false, true]) {
    t.test(`an old cookie, replayed at any later time, never gives the session's data: ${name}, saveUninitialized ${saveUninitialized}`, async t => {
      const clock = fakeClock(t)
      for (const inner of [() => new session.MemoryStore(), () => new JsonStore()]) {
        for (const firstReplay of [30 * minute, 30 * minute + 1, 90 * minute, 30 * minute + day - 1, 30 * minute + day, 30 * minute + day + 1, 400 * day]) {
          const map = new Map<string, never>()
          const counted = inner()
          const store = new CountingStore(counted instanceof JsonStore ? counted : new session.MemoryStore(map))
          const ids = (): string[] => counted instanceof JsonStore ? counted.sessions() : [...map].filter(([, session]) => !isEntry(session)).map(([id]) => id)
          const { app } = await buildApp(t, { session: { store, saveUninitialized, cookiePrefix: prefix }, timeout: { appliesTo: signedIn } })
          const thief = createBrowser(app)
          await thief.post('/sign-in')
          const old = thief.cookie('sessionId')!
          const [id] = ids()
          clock.tick(firstReplay)
          for (const later of [0, 1, 59_999, minute, hour, 24 * hour]) {
            clock.tick(later)
            const browser = createBrowser(app)
            browser.setCookie('sessionId', old)
            const page = await browser.get('/me')
            if (page.statusCode !== 200 || page.json().userId !== null || page.json().sessionId === id || page.json().ended === null) t.fail(`revived ${firstReplay} ms later: ${page.body}`)
            if (ids().includes(id!)) t.fail('the old record is still there')
          }
          t.equal(ids().length, saveUninitialized ? 6 : 0, `no orphan after ${firstReplay} ms`)
        }
      }
    })
  }
}
