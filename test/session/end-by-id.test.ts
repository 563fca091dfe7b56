import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { openScene, openTwins, until } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

function end (app: FastifyInstance, id: string): Promise<boolean> {
  return app.sessionTimeout.end(id)
}

t.test('end() ends the session of another user', async t => {
  const { app, browser, store, id } = await openScene(t)
  t.equal(await end(app, id), true)
  t.same(store.sessions(), [])
  const page = await browser.get('/me')
  t.match(page.json(), { userId: null, remaining: null })
  t.ok(page.json().ended)
})

t.test('end() works before the first request', async t => {
  const store = new JsonStore()
  const { app: other } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
  const browser = createBrowser(other)
  await browser.post('/sign-in')
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn } })
  t.equal(await end(app, store.sessions()[0]!), true)
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('end() returns false when there was no session', async t => {
  const { app, id, store } = await openScene(t)
  t.equal(await end(app, 'nobody'), false)
  t.equal(await end(app, id), true)
  t.equal(await end(app, id), false)
  t.same(store.sessions(), [])
})

t.test('two calls of end() at once end the session once', async t => {
  const { app, id } = await openScene(t)
  const answers = await Promise.all([end(app, id), end(app, id), end(app, id)])
  t.equal(answers.filter(Boolean).length, 1)
})

t.test('other sessions of the same user stay', async t => {
  const { app, browser, id } = await openScene(t)
  const other = createBrowser(app)
  await other.post('/sign-in')
  t.equal(await end(app, id), true)
  t.equal((await other.get('/me')).json().userId, 'ada')
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('a request under way does not bring it back, nor carry it on', async t => {
  for (const way of ['/note', '/raise']) {
    await t.test(way, async t => {
      const gate = createGate()
      const { app, browser, store, id } = await openScene(t, {
        routes (app) {
          app.post('/note', async request => {
            await gate.pass()
            request.session.note = 'written'
            return 'noted'
          })
          app.post('/raise', async request => {
            await gate.pass()
            await request.session.regenerate(['userId'])
            return 'raised'
          })
        }
      })
      const going = browser.clone().post(way)
      await gate.reached
      t.equal(await end(app, id), true)
      gate.open()
      const page = await going
      t.equal(page.statusCode, 200)
      t.same(store.sessions().filter(one => store.peek(one)!.userId !== undefined), [])
      t.equal((await browser.get('/me')).json().userId, null)
    })
  }
})

t.test('a write in another process does not bring it back', async t => {
  const data = new Map<string, string>()
  const writing = new FaultyStore(new JsonStore({ data }))
  const { here, there, id } = await openTwins(t, [writing, new JsonStore({ data })], {
    routes (app) { app.post('/note', async request => { request.session.note = 'late' }) }
  })
  writing.plan.set.push('hang')
  const note = here.browser.clone().post('/note')
  await until(() => writing.held > 0, 'the write')
  t.equal(await end(there.app, id), true)
  writing.release()
  await note
  t.notOk(data.has(id))
  t.equal((await here.browser.get('/me')).json().userId, null)
  t.equal((await there.browser.get('/me')).json().userId, null)
})

t.test('its connections end at once, with the 401', async t => {
  let signal!: AbortSignal
  const gate = createGate()
  const { app, browser, id } = await openScene(t, {
    routes (app) {
      app.get('/listen', async request => {
        signal = request.sessionTimeout.signal
        await gate.pass()
        return 'listening'
      })
    }
  })
  const page = browser.get('/listen')
  await gate.reached
  t.equal(signal.aborted, false)
  t.equal(await end(app, id), true)
  t.equal(signal.aborted, true)
  t.match(signal.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', statusCode: 401 })
  gate.open()
  await page
})

t.test('a store that fails is a 503, and the user stays', async t => {
  for (const operation of ['get', 'destroy'] as const) {
    for (const fault of ['error', 'throw', 'reject'] as const) {
      await t.test(`${fault} at ${operation}`, async t => {
        const store = new FaultyStore(new JsonStore())
        const { app, browser, id } = await openScene(t, { store })
        store.always[operation] = fault
        if (operation === 'destroy') await t.rejects(end(app, id), { code: 'FST_SESSION_TIMEOUT_STORE', statusCode: 503 })
        // Whoever does not have to read need not fail.
        else await end(app, id).catch((error: { code: string }) => { t.equal(error.code, 'FST_SESSION_TIMEOUT_STORE') })
        store.always[operation] = 'ok'
        if (operation === 'destroy') t.equal((await browser.clone().get('/me')).json().userId, 'ada')
        await end(app, id)
        t.equal((await browser.get('/me')).json().userId, null)
      })
    }
  }
})

t.test('end() does not call onTimeout', async t => {
  let told = 0
  const { app, browser, id, logs } = await openScene(t, { timeout: { onTimeout: () => { told++ } } })
  await end(app, id)
  await browser.get('/me')
  t.equal(told, 0)
  t.same(logs.filter(line => line.msg === 'session timed out'), [])
})

t.test('a session past its deadline is gone either way', async t => {
  const { app, browser, clock, id, store } = await openScene(t)
  clock.tick(30 * minute)
  t.type(await end(app, id), 'boolean')
  t.same(store.sessions(), [])
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('end() is available in the scope of the registration', async t => {
  fakeClock(t)
  const { app } = await buildApp(t, { timeout: false, routes: app => { app.get('/', async () => 'x') } })
  t.notOk(app.hasDecorator('sessionTimeout'))
  const { app: guarded } = await buildApp(t)
  t.ok(guarded.hasDecorator('sessionTimeout'))
})

t.test('before any request has come, what the host cannot give is said', async t => {
  for (const [answer, code] of [[new Error('down'), undefined], [undefined, 'FST_SESSION_TIMEOUT_NO_SESSION']] as const) {
    const { app } = await buildApp(t, {
      beforeTimeout (app) {
        Object.assign(app, { decryptSession: (_id: string, _request: unknown, callback: (error?: Error) => void) => callback(answer) })
      }
    })
    await t.rejects(end(app, 'somebody'), code ? { code } : { message: 'down' })
  }
})

t.test('end() ends a session without a user, which is not timed, as well', async t => {
  const { app, store, browser } = await openScene(t, { routes: app => { app.post('/cart', async request => { request.session.cart = ['tea'] }) } })
  await browser.post('/sign-out')
  const visitor = createBrowser(app)
  await visitor.post('/cart')
  const [id] = store.sessions()
  t.equal(await end(app, id!), true)
  t.same(store.sessions(), [])
})

t.test('a session in use that another process has ended is noticed by the call', async t => {
  const data = new Map<string, string>()
  const gate = createGate()
  const { here, there, id } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], {
    routes (app) {
      app.get('/held', async request => {
        await gate.pass()
        return { ended: request.sessionTimeout.ended, aborted: request.sessionTimeout.signal.aborted }
      })
    }
  })
  const held = here.browser.clone().get('/held')
  await gate.reached
  await there.browser.post('/sign-out')
  t.equal(await end(here.app, id), false)
  gate.open()
  t.match((await held).json(), { ended: 'missing', aborted: true })
})
