import type { Session } from 'fastify'
import t, { type Test } from 'tap'
import { entryId } from '../../lib/store/entries.js'
import type { AppOptions } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { openTwins, settle, type Twin } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

/** Lets a test do something when a write of that session is about to land. */
class WatchedStore extends JsonStore {
  beforeWrite: { id: string, deed: () => Promise<unknown> } | undefined

  override set (id: string, session: Session, callback: (error?: unknown) => void): void {
    const watched = this.beforeWrite
    if (watched?.id !== id) return super.set(id, session, callback)
    this.beforeWrite = undefined
    watched.deed().then(() => super.set(id, session, callback), callback)
  }
}

const routes: NonNullable<AppOptions['routes']> = app => {
  app.post('/note', async request => {
    request.session.note = 'saved elsewhere'
    return 'noted'
  })
  app.post('/renew', async request => {
    await request.session.regenerate(['userId'])
    return request.session.sessionId
  })
}

interface Scene {
  clock: FakeClock
  data: Map<string, string>
  /** The store of the process in which the user signs out. */
  store: FaultyStore
  /** The store of the other one. */
  other: WatchedStore
  here: Twin
  there: Twin
  id: string
  cookie: string
}

async function open (t: Test): Promise<Scene> {
  const clock = fakeClock(t, { timers: true })
  const data = new Map<string, string>()
  const store = new FaultyStore(new JsonStore({ data }))
  const other = new WatchedStore({ data })
  const twins = await openTwins(t, [store, other], { timeout: { endpoint: '/session-timeout' }, routes })
  clock.tick(second)
  return { clock, data, store, other, ...twins }
}

async function isSignedIn ({ here, there }: Scene, cookie: string): Promise<boolean> {
  const pages = await Promise.all([here, there].map(({ app }) => browserWith(app, cookie).get('/me')))
  return pages.some(page => page.json().userId !== null)
}

function browserWith (app: Twin['app'], cookie: string): Browser {
  const browser = createBrowser(app)
  browser.setCookie('sessionId', cookie)
  return browser
}

/** Fake time passes while the store, whose delays are real, keeps up. */
async function pass ({ clock }: Scene, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * second) {
    await clock.run(5 * second)
    await settle()
  }
}

const ways = {
  'the endpoint': (browser: Browser) => browser.request({ method: 'DELETE', url: '/session-timeout' }),
  'app.sessionTimeout.end()': undefined
} as const

for (const [way, signOut] of Object.entries(ways)) {
  t.test(`a sign-out by ${way} whose destroy is refused is a 503, and leaves no mark behind`, async t => {
    const scene = await open(t)
    const { store, data, here, there, id, cookie } = scene
    store.plan.destroy = ['error']
    if (signOut === undefined) {
      await t.rejects(here.app.sessionTimeout.end(id), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
    } else {
      const page = await signOut(here.browser.clone())
      t.match(page.json(), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
    }
    t.notOk(data.has(entryId(id, 'ended')), 'the mark is taken back')
    t.equal((await there.browser.clone().post('/note')).statusCode, 200)
    await pass(scene, 2 * minute)
    t.match(JSON.parse(data.get(id)!), { userId: 'ada', note: 'saved elsewhere' }, 'a save in another process holds')
    t.ok(await isSignedIn(scene, cookie))
    t.equal((await here.browser.clone().post('/note')).statusCode, 200, 'as does one in the same process')
    t.equal((await here.browser.request({ method: 'DELETE', url: '/session-timeout' })).statusCode, 204, 'and the next sign-out ends it')
    t.notOk(await isSignedIn(scene, cookie))
  })
}

t.test('a timeout whose destroy is refused leaves no mark behind either', async t => {
  const scene = await open(t)
  const { store, data, here, there, id, clock } = scene
  clock.tick(30 * minute)
  store.plan.destroy = ['error']
  t.equal((await here.browser.clone().get('/me')).statusCode, 503)
  t.notOk(data.has(entryId(id, 'ended')))
  t.match((await there.browser.clone().get('/me')).json(), { userId: null, ended: 'idle' })
})

t.test('a mark that is refused: a save that races the sign-out in another process is undone within the minute', async t => {
  const scene = await open(t)
  const { store, other, data, here, there, id, cookie } = scene
  store.plan.set = ['error']
  other.beforeWrite = { id, deed: () => here.browser.clone().post('/sign-out') }
  await there.browser.clone().post('/note')
  t.ok(data.has(id), 'the save has brought it back: the test can see the fault')
  await pass(scene, minute)
  t.notOk(data.has(id), 'it is gone')
  t.notOk(await isSignedIn(scene, cookie))
  await pass(scene, 2 * minute)
  t.notOk(data.has(id), 'and stays so')
})

t.test('a mark that is refused: the successor of a session that was exchanged meanwhile is ended within the minute', async t => {
  const scene = await open(t)
  const { store, other, data, here, there, id, cookie } = scene
  const renewing = there.browser.clone()
  let signedOut: number | undefined
  // The successor's entry is written first: the sign-out comes just before it lands.
  other.beforeWrite = {
    id: entryId(id, 'successor'),
    deed: async () => {
      store.plan.set = ['error']
      signedOut = (await here.browser.clone().post('/sign-out')).statusCode
    }
  }
  const page = await renewing.post('/renew')
  t.equal(signedOut, 200)
  await pass(scene, minute)
  const successor = renewing.cookie('sessionId')
  t.notOk(successor !== undefined && await isSignedIn(scene, successor), `the successor, answered with ${page.statusCode}`)
  t.notOk(await isSignedIn(scene, cookie))
  t.same([...data.values()].filter(json => 'userId' in JSON.parse(json)), [], 'nothing of the user is left')
})

t.test('a mark that is refused: a save brings the session back, and regenerate() exchanges it before it is undone', async t => {
  const scene = await open(t)
  const { store, other, data, here, there, id, cookie } = scene
  const user = there.browser.clone()
  store.plan.set = ['error']
  other.beforeWrite = { id, deed: () => here.browser.clone().post('/sign-out') }
  await user.post('/note')
  const page = await user.post('/renew')
  t.ok(data.has(page.body), 'it was exchanged: the test can see the fault')
  await pass(scene, minute)
  t.notOk(await isSignedIn(scene, user.cookie('sessionId')!))
  t.notOk(await isSignedIn(scene, cookie))
  t.same([...data.values()].filter(json => 'userId' in JSON.parse(json)), [], 'nothing of the user is left')
})
