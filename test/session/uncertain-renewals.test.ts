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
  refuses: (operation: 'get' | 'set', id: string) => boolean = () => false

  override get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    if (this.refuses('get', id)) callback(new Error('refused'))
    else super.get(id, callback)
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
