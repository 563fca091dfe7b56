import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type FastifyInstance, type Session } from 'fastify'
import t, { type Test } from 'tap'
import sessionTimeout, { type FastifySessionTimeoutOptions } from '../../index.js'
import { secret, signedIn } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { settle } from '../helpers/scene.js'
import { FaultyStore, SharedStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

interface Scopes {
  clock: FakeClock
  browser: Browser
  store: FaultyStore
  id: string
  scopes: FastifyInstance[]
  /** One socket in each scope. */
  watch (): Promise<AbortSignal[]>
}

/** Two scopes with options of their own, which share the sessions. */
async function openScopes (t: Test, options: FastifySessionTimeoutOptions[]): Promise<Scopes> {
  const clock = fakeClock(t, { timers: true })
  const store = new FaultyStore(new SharedStore(new Map()))
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(session, { secret, rolling: false, saveUninitialized: false, cookie: { secure: false }, store })
  const scopes: FastifyInstance[] = []
  for (const [index, timeout] of options.entries()) {
    await app.register(async scope => {
      await scope.register(sessionTimeout, timeout)
      scope.post('/sign-in', async request => { request.session.userId = 'ada' })
      scope.get('/me', async request => ({ userId: request.session.userId ?? null, sessionId: request.session.sessionId }))
      scopes.push(scope)
    }, { prefix: `/${index}` })
  }
  await app.ready()
  const browser = createBrowser(app)
  await browser.post('/0/sign-in')
  const { sessionId: id } = (await browser.get('/1/me')).json()
  const watch = (): Promise<AbortSignal[]> => Promise.all(scopes.map(scope => scope.sessionTimeout.watch(id, { until: new AbortController().signal })))
  return { clock, browser, store, id, scopes, watch }
}

const user = (session: Session): string | undefined => session.userId

t.test('the deadline of a stricter scope closes its own sockets, and no others', async t => {
  const { clock, watch, browser } = await openScopes(t, [{ user, idleTimeout: '10m' }, { user, idleTimeout: '30m' }])
  const signals = await watch()
  await clock.run(10 * minute)
  await settle()
  t.same(signals.map(({ aborted }) => aborted), [true, false])
  t.equal((await browser.get('/1/me')).json().userId, 'ada', 'the session is live in the laxer scope')
})

t.test('the same while the store is down', async t => {
  const { clock, watch, store } = await openScopes(t, [{ user, idleTimeout: '10m' }, { user, idleTimeout: '30m' }])
  const signals = await watch()
  store.always.get = 'error'
  await clock.run(10 * minute)
  await settle()
  t.same(signals.map(({ aborted }) => aborted), [true, false])
  await clock.run(20 * minute)
  await settle()
  t.same(signals.map(({ aborted }) => aborted), [true, true])
})

t.test('a sign-out everywhere closes the sockets of a scope without the option user as well', async t => {
  const scoped = [{ appliesTo: signedIn }, { user }]
  for (const options of [scoped, scoped.toReversed()]) {
    await t.test(Object.keys(options[0]!).join(), async t => {
      const { clock, watch, scopes } = await openScopes(t, options)
      const signals = await watch()
      await scopes[options.findIndex(option => 'user' in option)]!.sessionTimeout.endAll('ada')
      await clock.run(second)
      await settle()
      t.same(signals.map(({ aborted }) => aborted), [true, true])
    })
  }
})
