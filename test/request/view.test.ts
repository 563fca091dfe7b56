import t from 'tap'
import type { FastifyRequest } from 'fastify'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

function look (request: FastifyRequest): Record<string, unknown> {
  const { ended, startedAt, lastActivity, expiresAt, remaining, expiring } = request.sessionTimeout
  return { ended, startedAt, lastActivity, expiresAt, remaining, expiring }
}

async function failing (promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'nothing'
  } catch (error) {
    const { code, reason, message } = error as Error & { code?: string, reason?: string }
    return code === undefined ? message : `${code} ${reason}`
  }
}

const routes: NonNullable<AppOptions['routes']> = app => {
  app.get('/look', async request => look(request))
  app.get('/passive', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => look(request))
  app.post('/touch', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => {
    await request.sessionTimeout.touch()
    return look(request)
  })
  app.post('/restart', async request => {
    await request.sessionTimeout.restart()
    return look(request)
  })
  app.post('/regenerate-and-restart', async request => {
    await request.session.regenerate(['userId'])
    await request.sessionTimeout.restart()
    return look(request)
  })
  app.post('/destroyed', async request => {
    await request.session.destroy()
    return { touch: await failing(request.sessionTimeout.touch()), restart: await failing(request.sessionTimeout.restart()), ...look(request) }
  })
}

const nothing = { ended: null, startedAt: null, lastActivity: null, expiresAt: null, remaining: null, expiring: false }

t.test('without a session, or with one that is not timed, everything is null', async t => {
  fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn }, routes: app => { routes(app); app.post('/cart', async request => { request.session.cart = [] }) } })
  const browser = createBrowser(app)
  t.same((await browser.get('/look')).json(), nothing)
  t.same((await browser.post('/touch')).json(), nothing)
  t.same((await browser.post('/restart')).json(), nothing)
  await browser.post('/cart')
  for (const url of ['/touch', '/restart']) t.same((await browser.post(url)).json(), nothing)
})

t.test('a live session shows its instants and what is left', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, warnBefore: '5m' }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const startedAt = clock.now()
  clock.tick(10 * minute)
  const lastActivity = clock.now()
  t.same((await browser.get('/look')).json(), { ended: null, startedAt, lastActivity, expiresAt: lastActivity + 30 * minute, remaining: 30 * minute, expiring: false })
  clock.tick(25 * minute - 1)
  t.match((await browser.get('/passive')).json(), { remaining: 5 * minute + 1, expiring: false })
  clock.tick(1)
  t.match((await browser.get('/passive')).json(), { remaining: 5 * minute, expiring: true, lastActivity })
})

t.test('near its end the absolute deadline is the one that shows', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, absoluteTimeout: '40m' }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const startedAt = clock.now()
  clock.tick(20 * minute)
  t.match((await browser.get('/look')).json(), { expiresAt: startedAt + 40 * minute, remaining: 20 * minute })
})

t.test('remaining is computed when it is read, and never negative', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.get('/slow', async request => {
        const first = request.sessionTimeout.remaining
        clock.tick(31 * minute)
        return [first, request.sessionTimeout.remaining, request.sessionTimeout.expiring]
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.get('/slow')).json(), [30 * minute, 0, true])
})

t.test('an ended session shows why, and nothing else', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.same((await browser.get('/look')).json(), { ...nothing, ended: 'idle' })
})

t.test('a session stored in this very request shows from then on', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.post('/save', async request => {
        request.session.userId = 'ada'
        const before = look(request)
        await request.session.save()
        return [before, look(request)]
      })
    }
  })
  const now = clock.now()
  t.same((await createBrowser(app).post('/save')).json(), [nothing, { ended: null, startedAt: now, lastActivity: now, expiresAt: now + 30 * minute, remaining: 30 * minute, expiring: false }])
})

t.test('touch counts as an activity, throttled by touchInterval', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(minute - 1)
  t.match((await browser.post('/touch')).json(), { remaining: 29 * minute + 1 })
  clock.tick(1)
  const page = await browser.post('/touch')
  t.match(page.json(), { remaining: 30 * minute, lastActivity: clock.now() })
  t.equal(page.setCookies.length, 1, 'a touch sends the cookie again')
  t.match(store.peek(store.sessions()[0]!), { sessionTimeout: { lastActivity: clock.now() } })
})

t.test('touch does not move the absolute deadline', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, absoluteTimeout: '40m' }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(20 * minute)
  t.match((await browser.post('/touch')).json(), { remaining: 20 * minute })
})

t.test('restart begins both clocks anew', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, absoluteTimeout: '40m' }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(29 * minute)
  const now = clock.now()
  t.match((await browser.post('/restart')).json(), { startedAt: now, lastActivity: now, remaining: 30 * minute })
  t.same(store.peek(store.sessions()[0]!)!.sessionTimeout, { startedAt: now, lastActivity: now })
  clock.tick(29 * minute)
  t.equal((await browser.get('/me')).json().userId, 'ada', '58 minutes after signing in')
})

t.test('restart goes with a regenerated session', async t => {
  const clock = fakeClock(t)
  for (const store of [undefined, new JsonStore()]) {
    const { app } = await buildApp(t, { session: store ? { store } : {}, timeout: { appliesTo: signedIn, absoluteTimeout: '40m' }, routes })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(29 * minute)
    t.match((await browser.post('/regenerate-and-restart')).json(), { startedAt: clock.now(), remaining: 30 * minute })
    clock.tick(29 * minute)
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
})

t.test('restart at sign-in, where the session has just been stored without a user, begins its clocks', async t => {
  const clock = fakeClock(t)
  for (const store of [undefined, new JsonStore()]) {
    const { app } = await buildApp(t, {
      session: store ? { store } : {},
      timeout: { appliesTo: signedIn },
      routes: app => {
        app.post('/in', async request => {
          await request.session.regenerate()
          request.session.userId = 'ada'
          await request.sessionTimeout.restart()
          return look(request)
        })
      }
    })
    const browser = createBrowser(app)
    const page = await browser.post('/in')
    t.match(page.json(), { startedAt: clock.now(), remaining: 30 * minute })
    t.equal(page.setCookies.length, 1)
    t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
  }
})

t.test('neither touch nor restart revives an ended session', async t => {
  const clock = fakeClock(t)
  for (const method of ['touch', 'restart'] as const) {
    const store = new JsonStore()
    let told = 0
    const { app } = await buildApp(t, {
      session: { store },
      timeout: { appliesTo: signedIn, onTimeout: () => { told++ } },
      routes: app => {
        app.post('/late', async request => {
          clock.tick(30 * minute)
          return [await failing(request.sessionTimeout[method]()), await failing(request.sessionTimeout[method]()), look(request)]
        })
        app.post('/unchecked', { config: { sessionTimeout: false } }, async request => await failing(request.sessionTimeout[method]()))
      }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const stale = browser.clone()
    t.same((await browser.post('/late')).json(), ['FST_SESSION_TIMEOUT_ENDED idle', 'FST_SESSION_TIMEOUT_ENDED idle', { ...nothing, ended: 'idle' }], method)
    t.same(store.sessions(), [])
    t.equal(told, 1)
    t.equal((await stale.get('/me')).json().ended, 'idle')

    const other = createBrowser(app)
    await other.post('/sign-in')
    clock.tick(30 * minute)
    t.equal((await other.clone().post('/unchecked')).body, method === 'touch' ? 'nothing' : 'FST_SESSION_TIMEOUT_ENDED idle', 'a route that is not checked is no way round')
    t.equal((await other.get('/me')).json().userId, null)
  }
})

t.test('in a request that was answered with continue they say that the session has ended', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    routes: app => { app.post('/after', async request => await failing(request.sessionTimeout.touch())) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.equal((await browser.post('/after')).body, 'FST_SESSION_TIMEOUT_ENDED idle')
})

t.test('after the application destroyed the session they say that it is gone', async t => {
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.post('/destroyed')).json(), { touch: 'FST_SESSION_TIMEOUT_ENDED missing', restart: 'FST_SESSION_TIMEOUT_ENDED missing', ...nothing, ended: 'missing' })
})

t.test('restart says that the session is gone after the application destroyed it', async t => {
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => {
      app.post('/out-and-on', async request => {
        await request.session.destroy()
        return await failing(request.sessionTimeout.restart())
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.equal((await browser.post('/out-and-on')).body, 'FST_SESSION_TIMEOUT_ENDED missing')
})

t.test('a session ended elsewhere during the request is gone for both', async t => {
  const clock = fakeClock(t)
  for (const method of ['touch', 'restart'] as const) {
    const store = new JsonStore()
    const { app } = await buildApp(t, {
      session: { store },
      timeout: { appliesTo: signedIn },
      routes: app => {
        app.post('/late', async request => {
          clock.tick(5 * minute)
          store.data.clear()
          return await failing(request.sessionTimeout[method]())
        })
      }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const page = await browser.post('/late')
    t.equal(page.body, 'FST_SESSION_TIMEOUT_ENDED missing')
    t.same(page.setCookies, [])
    t.same(store.sessions(), [])
  }
})

t.test('a session that others extended or restarted meanwhile is not ended by them', async t => {
  const clock = fakeClock(t)
  for (const method of ['touch', 'restart'] as const) {
    const store = new JsonStore()
    const { app } = await buildApp(t, {
      session: { store },
      timeout: { appliesTo: signedIn },
      routes: app => {
        app.post('/late', async request => {
          clock.tick(31 * minute)
          const id = request.session.sessionId
          store.data.set(id, JSON.stringify({ ...store.peek(id), sessionTimeout: { startedAt: clock.now() - hour, lastActivity: clock.now() - 10 * minute } }))
          await request.sessionTimeout[method]()
          return look(request)
        })
      }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    t.match((await browser.post('/late')).json(), { ended: null, remaining: 30 * minute })
  }
})

t.test('a store that fails is heard by who asked', async t => {
  const clock = fakeClock(t)
  for (const method of ['touch', 'restart'] as const) {
    const store = new FaultyStore(new JsonStore())
    const { app } = await buildApp(t, {
      session: { store },
      timeout: { appliesTo: signedIn },
      routes: app => {
        app.post('/down', async request => {
          clock.tick(5 * minute)
          store.plan.set.push('error')
          return [await failing(request.sessionTimeout[method]()), request.sessionTimeout.remaining]
        })
      }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    t.same((await browser.post('/down')).json(), ['set', 25 * minute], 'and not extended')
  }
})
