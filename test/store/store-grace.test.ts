import type { FastifyInstance, Session } from 'fastify'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { openScene } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { day, hour, minute, second } from '../helpers/time.js'

interface Written {
  id: string
  at: number
  expires: number
  maxAge: number
}

/** Reads what it is given as stores do: some take `expires`, some `maxAge`. */
class ReadingStore extends JsonStore {
  readonly written: Written[] = []

  override set (id: string, session: Session, callback: (error?: unknown) => void): void {
    if (Object.keys(session).some(key => key !== 'cookie')) {
      const { expires, maxAge } = session.cookie as unknown as { expires: Date | string, maxAge: number }
      this.written.push({ id, at: Date.now(), expires: new Date(expires).getTime() - Date.now(), maxAge })
    }
    super.set(id, session, callback)
  }
}

function routes (app: FastifyInstance): void {
  app.post('/note', async request => {
    request.session.note = request.id
    return 'noted'
  })
  app.post('/save', async request => {
    request.session.note = request.id
    await request.session.save()
    return 'saved'
  })
  app.post('/restart', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => {
    await request.sessionTimeout.restart()
    return 'restarted'
  })
  app.post('/regenerate', async request => {
    await request.session.regenerate(['userId'])
    return 'regenerated'
  })
}

async function open (t: Test, timeout: AppOptions['timeout'] = {}, session: AppOptions['session'] = {}) {
  const store = new ReadingStore()
  return await openScene(t, { store, timeout, session, routes })
}

const graces: Array<[storeGrace: string | number | undefined, ms: number]> = [[undefined, day], ['1h', hour], [0, 0], ['7d', 7 * day], [1, 1]]

for (const [storeGrace, ms] of graces) {
  t.test(`with storeGrace ${storeGrace}, every write lives that long past the latest deadline it can have, in every form`, async t => {
    const { clock, store, browser } = await open(t, storeGrace === undefined ? {} : { storeGrace })
    const grace = Math.max(ms, 2 * minute)
    const full = day + grace
    const expect = (life: number, what: string): void => {
      const last = store.written.at(-1)!
      t.same({ expires: last.expires, maxAge: last.maxAge }, { expires: life, maxAge: life }, what)
    }
    expect(full, 'at sign-in')
    clock.tick(10 * minute)
    await browser.get('/me')
    expect(30 * minute + grace, 'a touch')
    clock.tick(second)
    await browser.post('/note')
    expect(full - 10 * minute - second, 'a save at the end of a request')
    await browser.post('/save')
    expect(full - 10 * minute - second, 'a save within a request')
    clock.tick(second)
    await browser.post('/restart')
    expect(full, 'a restart')
    clock.tick(second)
    await browser.post('/regenerate')
    expect(full, 'regenerate()')
  })
}

t.test('storeGrace is kept whatever lifetime the host gives its cookies', async t => {
  for (const session of [{ cookie: { maxAge: minute } }, { cookie: { maxAge: 400 * day } }, { rolling: true, cookie: { maxAge: 2 * hour } }, { cookie: { expires: new Date(Date.UTC(2030, 0)) } }]) {
    await t.test(JSON.stringify(session), async t => {
      const { clock, store, browser } = await open(t, {}, session)
      clock.tick(10 * minute)
      await browser.get('/me')
      clock.tick(second)
      await browser.post('/note')
      const lives = new Set(store.written.map(({ at, expires, maxAge }) => JSON.stringify([at + expires, at + maxAge])))
      for (const life of lives) {
        const [expires, maxAge] = JSON.parse(life)
        t.equal(expires, maxAge)
        const signedInAt = clock.now() - second - 10 * minute
        // The session, and its clock.
        t.ok([signedInAt + day + day, signedInAt + 10 * minute + 30 * minute + day].includes(expires), life)
      }
    })
  }
})

t.test('without an absolute limit, a save gives the copy a week and the grace past its deadline', async t => {
  const { clock, store, browser } = await open(t, { absoluteTimeout: false })
  clock.tick(second)
  await browser.post('/note')
  t.equal(store.written.at(-1)!.expires, 30 * minute - second + 7 * day + day)
})

t.test('the user of yesterday is told why', async t => {
  for (const [after, ended] of [[day + day - 1, 'idle'], [day + day, 'missing']] as const) {
    await t.test(`after ${after} ms`, async t => {
      const { clock, browser } = await open(t)
      clock.tick(after)
      t.match((await browser.get('/me')).json(), { userId: null, ended })
    })
  }
})

t.test('an invalid storeGrace is refused', async t => {
  for (const storeGrace of [-1, false, true, null, '', 'soon', '401d', NaN, Infinity, {}, () => 0]) {
    await t.rejects(buildApp(t, { timeout: { storeGrace } as unknown as FastifySessionTimeoutOptions }),
      { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /^storeGrace must be/ }, String(storeGrace))
  }
})

t.test('a life that the application set itself is kept where the session is no longer timed', async t => {
  const life = new Date(Date.UTC(2026, 0, 8, 12))
  const { browser, store, id } = await openScene(t, {
    routes (app) {
      app.post('/remember-nobody', async request => {
        delete request.session.userId
        request.session.cookie.expires = life
        return 'forgotten'
      })
    }
  })
  await browser.post('/remember-nobody')
  t.notOk('sessionTimeout' in store.peek(id)!)
  t.match(store.peek(id), { cookie: { expires: life.toISOString() } })
})

t.test('a life that the application gave a session before anybody signed in comes back when nobody is signed in', async t => {
  const life = new Date(Date.UTC(2026, 0, 8, 12))
  const { app, clock, store } = await openScene(t, {
    routes (app) {
      app.post('/cart', async request => {
        request.session.cart = ['tea']
        request.session.cookie.expires = life
      })
      app.post('/plain-sign-in', async request => { request.session.userId = 'ada' })
      app.post('/renew', async request => { await request.sessionTimeout.restart() })
      app.post('/plain-sign-out', async request => { delete request.session.userId })
    }
  })
  store.data.clear()
  const browser = createBrowser(app)
  await browser.post('/cart')
  const [id] = store.sessions()
  await browser.post('/plain-sign-in')
  t.notMatch(store.peek(id!), { cookie: { expires: life.toISOString() } })
  clock.tick(10 * minute)
  await browser.post('/renew')
  await browser.post('/plain-sign-out')
  t.match(store.peek(id!), { cart: ['tea'], cookie: { expires: life.toISOString() } })
})
