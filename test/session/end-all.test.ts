import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest, LightMyRequestResponse } from 'fastify'
import type { SessionStore } from '@fastify/session'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { entryId, entryIdOfUser, entryOf } from '../../lib/store/entries.js'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { until } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { day, hour, minute, second } from '../helpers/time.js'

const user: FastifySessionTimeoutOptions = { user: session => session.userId, touchInterval: minute }

interface Site {
  app: FastifyInstance
  signIn (user?: string): Promise<Browser>
}

/** Another process, when the stores share their data. */
async function openSite (t: Test, store: SessionStore, options: AppOptions = {}): Promise<Site> {
  const { app } = await buildApp(t, { ...options, session: { store, ...options.session }, timeout: { ...user, ...options.timeout } })
  return {
    app,
    async signIn (user = 'ada') {
      const browser = createBrowser(app)
      await browser.post(`/sign-in?user=${user}`)
      return browser
    }
  }
}

/** The same browser, whose next request another process gets. */
function at (app: FastifyInstance, browser: Browser): Browser {
  const other = createBrowser(app)
  other.setCookie('sessionId', browser.cookie('sessionId')!)
  return other
}

async function whoIs (browser: Browser): Promise<string | null> {
  return (await browser.clone().get('/me')).json().userId
}

async function idOf (browser: Browser): Promise<string> {
  return (await browser.get('/me')).json().sessionId
}

t.test('endAll ends every session of a user that began before, and none of other users', async t => {
  fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore())
  const [laptop, phone, bobs] = [await signIn(), await signIn(), await signIn('bob')]
  await app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(laptop), null)
  t.equal(await whoIs(phone), null)
  t.equal(await whoIs(bobs), 'bob')
})

t.test('a sign-in afterwards works, in the same millisecond, and in the very request', async t => {
  fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore(), {
    routes (app) {
      app.post('/reset', async request => {
        await app.sessionTimeout.endAll('ada')
        await request.session.regenerate()
        request.session.userId = 'ada'
      })
      app.post('/reset-then-renew', async request => {
        await app.sessionTimeout.endAll('ada')
        request.session.userId = 'ada'
        await request.session.regenerate(['userId'])
      })
    }
  })
  const before = await signIn()
  await app.sessionTimeout.endAll('ada')
  const after = await signIn()
  t.equal(await whoIs(before), null)
  t.equal(await whoIs(after), 'ada')
  for (const url of ['/reset', '/reset-then-renew']) {
    const visitor = createBrowser(app)
    await visitor.post(url)
    t.equal(await whoIs(visitor), 'ada', url)
  }
  t.equal(await whoIs(after), null)
})

t.test('other processes notice within touchInterval, whatever they know of the session', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }))]
  const [used, unseen, late] = [await there.signIn(), await here.signIn(), await here.signIn()]
  clock.tick(second)
  await here.app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(at(there.app, unseen)), null, 'one that it sees for the first time, at once')
  t.equal(await whoIs(used), 'ada')
  clock.tick(minute - second - 1)
  t.equal(await whoIs(used), 'ada', 'a millisecond before')
  clock.tick(1)
  t.equal(await whoIs(used), null)
  clock.tick(25 * minute)
  t.equal(await whoIs(at(there.app, late)), null)
  t.equal(await whoIs(await there.signIn()), 'ada')
})

t.test('a process whose clock was set back notices endAll at once', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }))]
  const used = await there.signIn()
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(-hour)
  t.equal(await whoIs(used), null)
})

t.test('requests that are no activity, and routes that are not checked, are no way round', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }), {
    timeout: { countsAsActivity: () => false },
    routes (app) {
      app.get('/unchecked', { config: { sessionTimeout: false } }, async request => ({ userId: request.session.userId ?? null }))
    }
  })]
  const [polling, unchecked] = [await there.signIn(), await there.signIn()]
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(minute)
  t.equal(await whoIs(polling), null)
  t.equal((await unchecked.get('/unchecked')).json().userId, null)
})

t.test('sessions of a user that are not timed end as well, and those signed in later do not', async t => {
  fakeClock(t)
  const store = new JsonStore()
  const { app, signIn } = await openSite(t, store, { timeout: { appliesTo: request => request.session.role === 'timed' } })
  const untimed = await signIn()
  await app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(untimed), null)
  const later = await signIn()
  t.equal(await whoIs(later), 'ada')
  t.equal((await later.get('/me')).json().remaining, null)
})

t.test('without the option user it says so', async t => {
  const { app } = await buildApp(t)
  await t.rejects(app.sessionTimeout.endAll('ada'), {
    code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: 'user must be given for app.sessionTimeout.endAll(): it tells whose a session is, received undefined'
  })
})

t.test('endAll refuses what is no user or no session id, and does not repeat the value', async t => {
  fakeClock(t)
  const store = new JsonStore()
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  const endAll = app.sessionTimeout.endAll as (user: unknown, options?: unknown) => Promise<void>
  const wrong: Array<[message: RegExp, user: unknown, options?: unknown]> = [
    [/^endAll\(user\) must be a string or a number, as the option user returns it, received undefined$/, undefined],
    [/received null$/, null],
    [/received a number$/, NaN],
    [/received an object$/, { userId: 'ada' }],
    [/received a promise$/, Promise.resolve('ada')],
    [/^endAll\(user, options\) must be \{ except \}, received a string$/, 'ada', 'an id'],
    [/received null$/, 'ada', null],
    [/^endAll\(user, \{ exept \}\) must be left out: there is only except/, 'ada', { exept: 'an id' }],
    [/^endAll\(user, \{ except \}\) must be the sessionId of a session, received an object$/, 'ada', { except: {} }],
    [/received a string$/, 'ada', { except: '' }],
    [/received null$/, 'ada', { except: null }]
  ]
  for (const [message, ...values] of wrong) {
    const error = await endAll(...values).catch(error => error)
    t.match(error, { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message }, String(message))
  }
  t.equal(store.data.size, 1, 'and nothing was written')
  t.equal(await whoIs(browser), 'ada')
})

t.test('the number 1 and the text "1" are one user', async t => {
  fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore(), { timeout: { user: session => session.userId === undefined ? null : Number(session.userId) } })
  const browser = await signIn('1')
  await app.sessionTimeout.endAll('1')
  t.equal(await whoIs(browser), null)
  const again = await signIn('1')
  await app.sessionTimeout.endAll(1)
  t.equal(await whoIs(again), null)
})

t.test('an excepted session stays, with both clocks from now', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const routes = (app: FastifyInstance): void => { app.get('/clock', async request => ({ startedAt: request.sessionTimeout.startedAt, lastActivity: request.sessionTimeout.lastActivity })) }
  const [here, there] = [await openSite(t, new JsonStore({ data }), { routes }), await openSite(t, new JsonStore({ data }), { routes })]
  const [own, other] = [await here.signIn(), await here.signIn()]
  clock.tick(20 * minute)
  const now = Date.now()
  await here.app.sessionTimeout.endAll('ada', { except: await idOf(own) })
  t.equal(await whoIs(other), null)
  for (const app of [here.app, there.app]) {
    t.equal(await whoIs(at(app, own)), 'ada')
    clock.tick(2 * minute)
    await at(app, own).get('/me')
    t.same((await at(app, own).get('/clock')).json().startedAt, now)
  }
  await there.app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(at(there.app, own)), null, 'the next one ends it')
})

t.test('a new session that is about to be signed in can be excepted', async t => {
  fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore(), {
    routes (app) {
      app.post('/reset', async request => {
        await request.session.regenerate()
        request.session.userId = 'ada'
        await app.sessionTimeout.endAll('ada', { except: request.session.sessionId })
      })
    }
  })
  const [before, visitor] = [await signIn(), createBrowser(app)]
  await visitor.post('/reset')
  t.equal(await whoIs(visitor), 'ada')
  t.equal(await whoIs(before), null)
})

t.test('an excepted session that is renewed stays, before and after', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const options: AppOptions = {
    routes (app) {
      app.post('/renew', async request => { await request.session.regenerate(['userId']) })
    }
  }
  const [here, there] = [await openSite(t, new JsonStore({ data }), options), await openSite(t, new JsonStore({ data }), options)]
  const own = await here.signIn()
  const old = await idOf(own)
  await at(there.app, own).get('/me')
  const renewed = at(there.app, own)
  await renewed.post('/renew')
  await here.app.sessionTimeout.endAll('ada', { except: old })
  t.equal(await whoIs(renewed), 'ada', 'the id that it had a moment ago')
  await renewed.post('/renew')
  t.equal(await whoIs(renewed), 'ada')
  clock.tick(2 * minute)
  t.equal(await whoIs(at(here.app, renewed)), 'ada')
})

t.test('a session that is over already is not excepted', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }))]
  const browser = await there.signIn()
  const id = await idOf(browser)
  await here.app.sessionTimeout.endAll('ada')
  await here.app.sessionTimeout.endAll('ada', { except: id })
  t.equal(await whoIs(at(here.app, browser)), null)
})

t.test("another user's session that is excepted gets no new clock", async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app, signIn } = await openSite(t, store)
  const bobs = await signIn('bob')
  const id = await idOf(bobs)
  const before = store.peek(id)
  clock.tick(20 * minute)
  await app.sessionTimeout.endAll('ada', { except: id })
  t.same(store.peek(id), before)
})

t.test('an excepted session that is past its deadline, of which nobody knows it, is not revived', async t => {
  const clock = fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore())
  const own = await signIn()
  const id = await idOf(own)
  clock.tick(30 * minute)
  await app.sessionTimeout.endAll('ada', { except: id })
  t.equal(await whoIs(own), null)
})

t.test('where limits differ by request, an excepted session starts anew by those that it was last held against', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const options: AppOptions = { timeout: { idleTimeout: () => 30 * minute, absoluteTimeout: () => hour } }
  const [here, there] = [await openSite(t, new JsonStore({ data }), options), await openSite(t, new JsonStore({ data }), options)]
  const own = await here.signIn()
  const id = await idOf(own)
  clock.tick(minute)
  await there.app.sessionTimeout.endAll('ada', { except: id })
  t.match(new JsonStore({ data }).peek(id), { sessionTimeout: { startedAt: Date.now() - minute } }, 'a process that knows none leaves it')
  await here.app.sessionTimeout.endAll('ada', { except: id })
  t.match(new JsonStore({ data }).peek(id), { sessionTimeout: { startedAt: Date.now() } })
  t.equal(await whoIs(own), 'ada')
})

t.test('the entry lives as long as a session can, and names nobody', async t => {
  const clock = fakeClock(t)
  const lives: Array<[FastifySessionTimeoutOptions, number]> = [
    [{}, 2 * day],
    [{ absoluteTimeout: '8h', storeGrace: 0 }, 8 * hour + 2 * minute],
    [{ absoluteTimeout: false, storeGrace: '1h' }, hour + 30 * minute],
    [{ absoluteTimeout: () => '8h', storeGrace: '1h' }, 400 * day + hour],
    [{ absoluteTimeout: false, idleTimeout: () => '8h', storeGrace: '1h' }, 400 * day + hour],
    [{ appliesTo: () => true, storeGrace: '1h' }, 400 * day + hour]
  ]
  for (const [timeout, life] of lives) {
    const store = new JsonStore()
    const { app } = await openSite(t, store, { timeout })
    await app.sessionTimeout.endAll('ada')
    const [[id, json]] = [...store.data] as [[string, string]]
    t.equal(Date.parse(JSON.parse(json).cookie.expires) - clock.now(), life)
    t.notMatch(id + json, 'ada')
    t.equal(id.length, 32)
  }
})

t.test('an entry never lives shorter than the one before', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const [long, short] = [await openSite(t, store), await openSite(t, store, { timeout: { absoluteTimeout: '1h' } })]
  await long.app.sessionTimeout.endAll('ada')
  await short.app.sessionTimeout.endAll('ada')
  t.equal(Date.parse(JSON.parse([...store.data.values()][0]!).cookie.expires) - clock.now(), 2 * day)
})

t.test('the id of the entry fits where the ids of sessions fit', t => {
  t.match(entryIdOfUser('ada', '7c0e8f6a-8f0b-4d4e-9d6e-2f1f3c1b5a70'), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  t.match(entryIdOfUser('ada', '7C0E8F6A-8F0B-4D4E-9D6E-2F1F3C1B5A70'), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  t.match(entryIdOfUser('ada', 'a'.repeat(64)), /^[\da-f]{32}$/)
  t.match(entryIdOfUser('ada', 'a'.repeat(16)), /^[\w-]{32}$/)
  t.match(entryIdOfUser('ada', 'x'.repeat(32)), /^[\w-]{32}$/)
  t.not(entryIdOfUser('ada', 'x'), entryIdOfUser('bob', 'x'))
  t.end()
})

t.test('a store that fails makes it fail', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const store = new FaultyStore(new JsonStore({ data }))
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  const id = await idOf(browser)
  const fails = async (options?: { except: string }): Promise<void> => {
    await t.rejects(app.sessionTimeout.endAll('ada', options), { code: 'FST_SESSION_TIMEOUT_STORE', statusCode: 503 })
    t.equal(await whoIs(browser), 'ada')
  }
  store.plan.set.push('error')
  await fails()
  store.plan.get.push('error')
  await fails()
  for (let good = 0; good < 5; good++) {
    store.plan.get.push(...Array(good).fill('ok'), 'error')
    await fails({ except: id })
  }
  store.plan.set.push('error')
  await fails({ except: id })
  store.plan.set.push('ok', 'error')
  await fails({ except: id })
  t.equal(await whoIs(browser), 'ada')
})

t.test('a store that takes the entry and has not kept it makes it fail', async t => {
  fakeClock(t)
  const store = new JsonStore()
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  const id = await idOf(browser)
  store.set = (_id, _session, callback) => callback()
  await t.rejects(app.sessionTimeout.endAll('ada'), { code: 'FST_SESSION_TIMEOUT_STORE', cause: { message: /has not kept/ } })
  await t.rejects(app.sessionTimeout.endAll('ada', { except: id }), { code: 'FST_SESSION_TIMEOUT_STORE' })
  t.equal(await whoIs(browser), 'ada')
  store.set = JsonStore.prototype.set
  await app.sessionTimeout.endAll('ada')
  store.set = (_id, _session, callback) => callback()
  await t.rejects(app.sessionTimeout.endAll('ada'), { code: 'FST_SESSION_TIMEOUT_STORE' }, 'nor when an older one is there')
})

t.test('an answer that was lost has ended the sessions all the same', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const store = new JsonStore({ data })
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  store.set = (id, session, callback) => JsonStore.prototype.set.call(store, id, session, () => callback(new Error('lost')))
  await t.rejects(app.sessionTimeout.endAll('ada'), { code: 'FST_SESSION_TIMEOUT_STORE' })
  store.set = JsonStore.prototype.set
  t.equal(await whoIs(browser), null)
})

t.test('a request gets no session while the store cannot say whether its user was signed out', async t => {
  const clock = fakeClock(t)
  const store = new FaultyStore(new JsonStore())
  const { signIn } = await openSite(t, store)
  const browser = await signIn()
  clock.tick(minute)
  for (let turn = 0; turn < 2; turn++) {
    store.plan.get.push('ok', 'error')
    const page = await browser.get('/me')
    t.match(page.json(), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
    t.same(page.setCookies, [])
  }
  t.equal(await whoIs(browser), 'ada')
})

t.test('a session that cannot be ended is not handed out', async t => {
  fakeClock(t)
  const store = new FaultyStore(new JsonStore())
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  await app.sessionTimeout.endAll('ada')
  store.plan.destroy.push('error')
  t.equal((await browser.get('/me')).statusCode, 503)
  t.equal(await whoIs(browser), null)
})

t.test('an entry that cannot be read ends every session', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const store = new JsonStore({ data })
  const { app, signIn } = await openSite(t, store)
  await app.sessionTimeout.endAll('ada')
  const [key] = [...data.keys()]
  const browser = await signIn()
  data.set(key!, '{"spared":"all"}')
  const other = await openSite(t, new JsonStore({ data }))
  t.equal(await whoIs(at(other.app, browser)), null)
  await other.app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(await other.signIn()), 'ada')
})

t.test('requests under way carry no session on', async t => {
  const ways = {
    save: async (request: FastifyRequest) => { request.session.note = 'written' },
    renewal: async (request: FastifyRequest) => { await request.session.regenerate(['userId']) },
    restart: async (request: FastifyRequest) => { await request.sessionTimeout.restart().catch(() => {}) },
    touch: async (request: FastifyRequest) => { await request.sessionTimeout.touch().catch(() => {}) }
  }
  for (const [way, deed] of Object.entries(ways)) {
    for (const processes of [1, 2]) {
      await t.test(`a ${way}, processes: ${processes}`, async t => {
        const clock = fakeClock(t)
        const data = new Map<string, string>()
        const gate = createGate()
        const routes = (app: FastifyInstance): void => {
          app.post('/go', async request => {
            await gate.pass()
            await deed(request)
            return request.session.userId ?? null
          })
        }
        const here = await openSite(t, new JsonStore({ data }), { routes })
        const there = processes === 1 ? here : await openSite(t, new JsonStore({ data }), { routes })
        const browser = await here.signIn()
        const going = browser.post('/go')
        await gate.reached
        await there.app.sessionTimeout.endAll('ada')
        gate.open()
        await going
        if (processes === 2) clock.tick(minute)
        for (const { app } of [here, there]) t.equal(await whoIs(at(app, browser)), null)
      })
    }
  }
})

t.test('a renewal in another process that has not noticed gives an empty successor, and tells of a revocation', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const options: AppOptions = {
    routes (app) {
      app.post('/renew', async request => {
        await request.session.regenerate(['userId'])
        return { userId: request.session.userId ?? null }
      })
    }
  }
  const [here, there] = [await openSite(t, new JsonStore({ data }), options), await openSite(t, new JsonStore({ data }), options)]
  const browser = await there.signIn()
  const old = at(there.app, browser)
  await here.app.sessionTimeout.endAll('ada')
  t.same((await browser.post('/renew')).json(), { userId: null })
  t.equal(await whoIs(old), null)
  t.equal(await whoIs(at(here.app, old)), null)
})

t.test('a renewal keeps what the session has begun after', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const options: AppOptions = { routes (app) { app.post('/renew', async request => { await request.session.regenerate(['userId']) }) } }
  const [here, there] = [await openSite(t, new JsonStore({ data }), options), await openSite(t, new JsonStore({ data }), options)]
  await here.app.sessionTimeout.endAll('ada')
  const browser = at(there.app, await here.signIn())
  await browser.post('/renew')
  clock.tick(minute)
  t.equal(await whoIs(at(here.app, browser)), 'ada')
  t.equal(await whoIs(browser), 'ada')
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(minute)
  t.equal(await whoIs(browser), null)
})

t.test('a renewal that is ended meanwhile is empty', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const gate = createGate()
  const options: AppOptions = {
    routes (app) {
      app.post('/renew', async request => {
        await gate.pass()
        await request.session.regenerate(['userId'])
      })
    }
  }
  const [here, there] = [await openSite(t, new JsonStore({ data }), options), await openSite(t, new JsonStore({ data }), options)]
  await here.app.sessionTimeout.endAll('ada')
  const browser = await here.signIn()
  const going = browser.post('/renew')
  await gate.reached
  t.equal(await there.app.sessionTimeout.end(await idOf(at(there.app, browser))), true)
  gate.open()
  await going
  t.equal(await whoIs(browser), null)
})

t.test('a sign-in that was under way while another process signed the user out everywhere began before', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  for (const way of ['regenerate', 'set and regenerate']) {
    await t.test(way, async t => {
      const gate = createGate()
      const there = await openSite(t, new JsonStore({ data }), {
        routes (app) {
          app.post('/slow-sign-in', async request => {
            // The old password was right.
            await gate.pass()
            if (way === 'regenerate') await request.session.regenerate()
            request.session.userId = 'ada'
            if (way !== 'regenerate') await request.session.regenerate(['userId'])
          })
        }
      })
      const here = await openSite(t, new JsonStore({ data }))
      const thief = createBrowser(there.app)
      const going = thief.post('/slow-sign-in')
      await gate.reached
      clock.tick(1)
      await here.app.sessionTimeout.endAll('ada')
      gate.open()
      await going
      t.equal(await whoIs(thief), null)
      const ada = createBrowser(there.app)
      await ada.post('/sign-in')
      t.equal(await whoIs(ada), 'ada', 'and one after it after')
    })
  }
})

t.test('no clock decides: sessions of a process whose clock is ahead are over too', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }))]
  clock.tick(10 * minute)
  const browser = await there.signIn()
  clock.tick(-10 * minute)
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(12 * minute)
  t.equal(await whoIs(browser), null)
  t.equal(await whoIs(at(here.app, browser)), null)
})

t.test('nobody is locked out of a process whose clock is behind', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }))]
  const before = await there.signIn()
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(-10 * minute)
  t.equal(await whoIs(await there.signIn()), 'ada')
  t.equal(await whoIs(before), null)
})

t.test('a request whose body is on its way is answered as one that came after', async t => {
  fakeClock(t)
  const { signIn } = await openSite(t, new JsonStore(), {
    before (app) {
      app.addHook('preParsing', async request => { if (request.url === '/upload') await app.sessionTimeout.endAll('ada') })
    },
    routes (app) { app.post('/upload', async request => ({ userId: request.session.userId ?? null })) }
  })
  const browser = await signIn()
  t.equal((await browser.post('/upload', {})).json().userId, null)
})

t.test('a user who takes over a session without regenerate() brings the own sign-ins along', async t => {
  const clock = fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore(), {
    routes (app) {
      app.post('/become', async request => { request.session.userId = 'bob' })
      app.post('/leave', async request => { delete request.session.userId })
    }
  })
  await app.sessionTimeout.endAll('bob')
  const browser = await signIn()
  await browser.post('/become')
  t.equal(await whoIs(browser), 'bob')
  await app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(browser), 'bob')
  clock.tick(minute)
  t.equal(await whoIs(browser), 'bob')
  await browser.post('/leave')
  await app.sessionTimeout.endAll('bob')
  await browser.post('/become')
  t.equal(await whoIs(browser), 'bob', 'nor is it over for whoever left it')
  await app.sessionTimeout.endAll('bob')
  t.equal(await whoIs(browser), null)
})

t.test('a session that another process has signed in anew is not ended for what a request has loaded', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const slow = new FaultyStore(new JsonStore({ data }))
  const options: AppOptions = {
    routes (app) {
      app.post('/leave', async request => { delete request.session.userId })
      app.post('/enter', async request => { request.session.userId = 'ada' })
    }
  }
  const [here, there] = [await openSite(t, new JsonStore({ data }), options), await openSite(t, slow, options)]
  const browser = await here.signIn()
  const late = at(there.app, browser)
  // It has loaded the session, and waits for the answer about its user.
  slow.plan.get.push('ok', 'hang')
  const going = late.get('/me')
  await until(() => slow.held === 1, 'the question')
  await browser.post('/leave')
  await here.app.sessionTimeout.endAll('ada')
  await browser.post('/enter')
  slow.release()
  t.equal((await going).json().userId, null)
  t.equal(await whoIs(browser), 'ada')
  t.equal(await whoIs(at(there.app, browser)), 'ada')
})

t.test('decryptSession() hands out no such session', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, new JsonStore({ data }), {
    routes (app) {
      app.get('/load', async request => {
        const { signed } = request.query as { signed: string }
        await new Promise<void>((resolve, reject) => app.decryptSession(signed, request, error => error ? reject(error) : resolve()))
        return { userId: request.session.userId ?? null }
      })
    }
  })]
  const browser = await here.signIn()
  const load = async (): Promise<LightMyRequestResponse> => there.app.inject({ url: '/load', query: { signed: decodeURIComponent(browser.cookie('sessionId')!) } })
  t.equal((await load()).json().userId, 'ada')
  await here.app.sessionTimeout.endAll('ada')
  clock.tick(minute)
  t.equal((await load()).json().userId, null)
})

t.test('two endAll calls at once, one with an exception, end the excepted session if the other is later', async t => {
  fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore())
  const browser = await signIn()
  const id = await idOf(browser)
  await Promise.all([app.sessionTimeout.endAll('ada'), app.sessionTimeout.endAll('ada', { except: id })])
  t.equal(await whoIs(browser), null)
  const next = await signIn()
  await Promise.all([app.sessionTimeout.endAll('ada', { except: await idOf(next) }), app.sessionTimeout.endAll('ada')])
  t.equal(await whoIs(next), null)
})

t.test('a second one that comes after a failed one works', async t => {
  fakeClock(t)
  const store = new FaultyStore(new JsonStore())
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  store.plan.get.push('error')
  const [first, second] = await Promise.allSettled([app.sessionTimeout.endAll('ada'), app.sessionTimeout.endAll('ada')])
  t.same([first!.status, second!.status], ['rejected', 'fulfilled'])
  t.equal(await whoIs(browser), null)
})

t.test('a session that was about to be exchanged for another one while the entry was written is spared with it', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const store = new JsonStore({ data })
  const { app, signIn } = await openSite(t, store)
  const [own, successor] = [await signIn(), await signIn()]
  const [id, successorId] = [await idOf(own), await idOf(successor)]
  store.set = (key, session, callback) => {
    if ('generation' in session) data.set(entryId(id, 'successor'), JSON.stringify(entryOf(Date.now() + minute, { successor: successorId })))
    JsonStore.prototype.set.call(store, key, session, callback)
  }
  await app.sessionTimeout.endAll('ada', { except: id })
  t.equal(await whoIs(successor), 'ada')
  t.equal(await whoIs(own), 'ada')
})

t.test('an excepted session whose stored copy has no expiry starts anew as well', async t => {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const store = new JsonStore({ data })
  const { app, signIn } = await openSite(t, store)
  const own = await signIn()
  const id = await idOf(own)
  const { cookie, ...rest } = JSON.parse(data.get(id)!)
  data.set(id, JSON.stringify({ ...rest, cookie: { ...cookie, expires: null } }))
  clock.tick(minute)
  await app.sessionTimeout.endAll('ada', { except: id })
  t.match(store.peek(id), { sessionTimeout: { startedAt: Date.now() } })
})

t.test('an excepted session with a record that cannot be read is left as it is', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const { app, signIn } = await openSite(t, new JsonStore({ data }))
  const own = await signIn()
  const id = await idOf(own)
  data.set(id, JSON.stringify({ ...JSON.parse(data.get(id)!), sessionTimeout: 'nonsense' }))
  await app.sessionTimeout.endAll('ada', { except: id })
  t.equal(await whoIs(own), null)
})

t.test('parallel requests end it once', async t => {
  fakeClock(t)
  const store = new JsonStore()
  const { app, signIn } = await openSite(t, store)
  const browser = await signIn()
  await app.sessionTimeout.endAll('ada')
  const { destroy } = store.counts
  t.same(await Promise.all([whoIs(browser), whoIs(browser), whoIs(browser)]), [null, null, null])
  t.equal(store.counts.destroy - destroy, 1)
})

t.test('a session that another process ended during the check is over', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const slow = new FaultyStore(new JsonStore({ data }))
  const [here, there] = [await openSite(t, new JsonStore({ data })), await openSite(t, slow)]
  const browser = await here.signIn()
  await here.app.sessionTimeout.endAll('ada')
  slow.plan.get.push('ok', 'hang')
  const going = at(there.app, browser).get('/me')
  await until(() => slow.held === 1, 'the question')
  t.equal(await whoIs(browser), null)
  slow.release()
  t.equal((await going).json().userId, null)
})

t.test("it holds with @fastify/session's own store, which keeps the very object that a request changes", async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: user, routes (app) { app.post('/note', async request => { request.session.note = 'noted' }) } })
  const [before, after] = [createBrowser(app), createBrowser(app)]
  await before.post('/sign-in')
  await app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(before), null)
  await after.post('/sign-in')
  await after.post('/note')
  clock.tick(minute)
  t.equal(await whoIs(after), 'ada')
})

t.test('a visitor with a stored session who signs in there and renews it has begun after', async t => {
  fakeClock(t)
  const { app } = await openSite(t, new JsonStore(), {
    routes (app) {
      app.post('/cart', async request => { request.session.note = 'a cart' })
      app.post('/sign-in-here', async request => {
        request.session.userId = 'ada'
        await request.session.regenerate(['userId', 'note'])
      })
      app.post('/renew-cart', async request => { await request.session.regenerate(['note']) })
    }
  })
  const visitor = createBrowser(app)
  await visitor.post('/cart')
  await app.sessionTimeout.endAll('ada')
  await visitor.post('/renew-cart')
  await visitor.post('/sign-in-here')
  t.equal(await whoIs(visitor), 'ada')
  await app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(visitor), null)
})

t.test('routes that are not checked ask once in a minute where limits differ by request', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { signIn } = await openSite(t, store, {
    timeout: { idleTimeout: () => '30m', touchInterval: undefined as never },
    routes (app) {
      app.get('/unchecked', { config: { sessionTimeout: false } }, async request => ({ userId: request.session.userId ?? null }))
    }
  })
  const browser = await signIn()
  for (const [ms, more] of [[minute - 1, 1], [1, 2], [1, 1]] as const) {
    clock.tick(ms)
    const { get } = store.counts
    await browser.get('/unchecked')
    t.equal(store.counts.get - get, more)
  }
})

t.test('where ids of sessions take a request, it works as well', async t => {
  fakeClock(t)
  const { app, signIn } = await openSite(t, new JsonStore(), {
    session: { idGenerator: request => `${request!.host.length}${randomUUID()}` }
  })
  const browser = await signIn()
  await app.sessionTimeout.endAll('ada')
  t.equal(await whoIs(browser), null)
})
