import type { Session } from 'fastify'
import t from 'tap'
import { entryId } from '../../lib/store/entries.js'
import type { AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { openTwins, settle, type Twin } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { second } from '../helpers/time.js'

/** Lets a test do something before a write, and refuse what it likes. */
class StrictStore extends JsonStore {
  beforeWrite: ((id: string, session: Session) => Promise<unknown> | undefined) | undefined
  refuses: (operation: 'get' | 'set' | 'destroy', id: string) => boolean = () => false

  override get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    if (this.refuses('get', id)) callback(new Error('refused'))
    else super.get(id, callback)
  }

  override destroy (id: string, callback: (error?: unknown) => void): void {
    if (this.refuses('destroy', id)) callback(new Error('refused'))
    else super.destroy(id, callback)
  }

  override set (id: string, session: Session, callback: (error?: unknown) => void): void {
    if (this.refuses('set', id)) return callback(new Error('refused'))
    const waiting = this.beforeWrite?.(id, session)
    if (waiting === undefined) return super.set(id, session, callback)
    waiting.then(() => super.set(id, session, callback), callback)
  }
}

const routes: NonNullable<AppOptions['routes']> = app => {
  app.post('/renew', async request => {
    await request.session.regenerate(['userId'])
    return request.session.sessionId
  })
}

function send ({ app }: Twin, method: 'GET' | 'POST', url: string, cookie: string) {
  return app.inject({ method, url, headers: { cookie: `sessionId=${cookie}` } })
}

t.test('a renewal during which the session was signed out elsewhere, and whose successor cannot be emptied, fails and leaves none', async t => {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new StrictStore({ data })
  const { here, there, id, cookie } = await openTwins(t, [store, new JsonStore({ data })], { routes })
  let successor: string | undefined
  store.beforeWrite = (written, session) => {
    if (successor !== undefined || written === id || (session as { userId?: string }).userId === undefined) return undefined
    successor = written
    store.refuses = (operation, id) => operation === 'set' && id === successor
    return send(there, 'POST', '/sign-out', cookie)
  }
  const page = await send(here, 'POST', '/renew', cookie)
  t.equal(page.statusCode, 500)
  t.ok(successor)
  await settle()
  await clock.run(second)
  await settle()
  t.same([...data.keys()].filter(key => key === successor || key === id), [], 'neither session is left')
})

t.test('a sign-out that cannot find out whether the session was renewed elsewhere looks again until it can', async t => {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new StrictStore({ data })
  const gate = createGate()
  const { here, there, id, cookie } = await openTwins(t, [store, new JsonStore({ data })], {
    routes (app) {
      routes(app)
      app.post('/slow-sign-out', async request => {
        await gate.pass()
        await request.session.destroy()
        return 'bye'
      })
    }
  })
  const leaving = send(here, 'POST', '/slow-sign-out', cookie)
  await gate.reached
  const renewed = createBrowser(there.app)
  renewed.setCookie('sessionId', cookie)
  await renewed.post('/renew')
  const successor = renewed.cookie('sessionId')!
  store.refuses = (operation, key) => operation === 'get' && key === entryId(id, 'successor')
  gate.open()
  t.equal((await leaving).statusCode, 200)
  for (let time = 0; time < 3; time++) {
    await clock.run(second)
    await settle()
  }
  t.equal((await send(there, 'GET', '/me', successor)).json().userId, 'ada', 'nobody knows of it yet')
  store.refuses = () => false
  for (let time = 0; time < 10; time++) {
    await clock.run(second)
    await settle()
  }
  t.equal((await send(there, 'GET', '/me', successor)).json().userId, null, 'the renewed session has ended, too')
})

t.test('a renewal whose mark the store refuses removes the old session again when a late save brings it back', async t => {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new StrictStore({ data })
  const { here, there, id, cookie } = await openTwins(t, [store, new JsonStore({ data })], { routes })
  const old = data.get(id)!
  store.refuses = (operation, key) => operation === 'set' && key === entryId(id, 'ended')
  const renewed = await send(here, 'POST', '/renew', cookie)
  t.equal(renewed.statusCode, 200)
  data.set(id, old)
  for (let time = 0; time < 5; time++) {
    await clock.run(second)
    await settle()
  }
  t.notOk(data.has(id))
  t.equal((await send(there, 'GET', '/me', cookie)).json().userId, null)
  t.ok(data.has(renewed.body), 'and its successor lives on')
})

t.test('a renewal that cannot remove the old session fails, and the old session lives on', async t => {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new StrictStore({ data })
  const { here, id, cookie } = await openTwins(t, [store, new JsonStore({ data })], { routes })
  store.refuses = (operation, key) => operation === 'destroy' && key === id
  t.equal((await send(here, 'POST', '/renew', cookie)).statusCode, 500)
  await clock.run(second)
  await settle()
  t.notOk(data.has(entryId(id, 'ended')), 'its mark is taken back')
  store.refuses = () => false
  t.equal((await send(here, 'GET', '/me', cookie)).json().userId, 'ada')
})

t.test('a successor whose first write failed, and that was signed out before the second, is empty', async t => {
  fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new StrictStore({ data })
  const gate = createGate()
  let successor: string | undefined
  const { here, id, cookie } = await openTwins(t, [store, new JsonStore({ data })], {
    routes (app) {
      app.post('/renew-again', async request => {
        await new Promise(resolve => { request.session.regenerate(['userId'], resolve) })
        successor = request.session.sessionId
        await gate.pass()
        return { userId: request.session.userId ?? null }
      })
    }
  })
  store.refuses = (operation, key) => operation === 'set' && key !== id && (data.get(id) ?? '').includes('ada') && key !== entryId(id, 'successor') && key.length === id.length
  const renewing = send(here, 'POST', '/renew-again', cookie)
  await gate.reached
  store.refuses = () => false
  await send(here, 'POST', '/sign-out', cookie)
  gate.open()
  await renewing
  t.not(successor, id)
  t.same([...data.values()].filter(json => json.includes('ada')), [], 'nobody is signed in')
})

t.test('a session that is gone is empty after reload()', async t => {
  fakeClock(t)
  const data = new Map<string, string>()
  const { here, id, cookie } = await openTwins(t, [new StrictStore({ data }), new JsonStore({ data })], {
    routes (app) {
      app.post('/reload', async request => {
        data.delete(id)
        await request.session.reload()
        return { userId: request.session.userId ?? null }
      })
    }
  })
  t.same((await send(here, 'POST', '/reload', cookie)).json(), { userId: null })
})
