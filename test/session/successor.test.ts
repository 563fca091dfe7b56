import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { createGate, type Gate } from '../helpers/gate.js'
import { openScene, type Scene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

interface Held extends Scene {
  gate: Gate
}

const keys = ['userId', 'note']

async function open (t: Test, timeout: AppOptions['timeout'] = {}): Promise<Held> {
  const gate = createGate()
  const scene = await openScene(t, { timeout, routes: app => { routes(app, gate) } })
  return { ...scene, gate }
}

function routes (app: FastifyInstance, gate: Gate): void {
  for (const [url, config] of [['/step-up', {}], ['/unchecked', { sessionTimeout: false }]] as const) {
    app.post(url, { config }, async request => {
      await gate.pass()
      await request.session.regenerate(keys)
      return { userId: request.session.userId ?? null, ended: request.sessionTimeout.ended }
    })
  }
  app.post('/renew', async request => {
    await request.session.regenerate([...keys, 'sessionTimeout'])
    return 'renewed'
  })
  // As sign-in libraries do that are told to keep what the session held.
  app.post('/merge', async request => {
    const { sessionTimeout, userId } = request.session as typeof request.session & { sessionTimeout?: unknown }
    await request.session.regenerate()
    Object.assign(request.session, { sessionTimeout, userId })
    return 'merged'
  })
  app.post('/late-sign-in', async request => {
    await gate.pass()
    await request.session.regenerate()
    request.session.userId = 'ada'
    return { ended: request.sessionTimeout.ended }
  })
}

async function isNobody (t: Test, { app, store }: Held, page: { headers: { 'set-cookie'?: string | string[] | undefined } }): Promise<void> {
  t.same(store.sessions().filter(id => store.peek(id)!.userId !== undefined), [], 'the store knows no user')
  const pair = /^sessionId=([^;]+)/.exec(String(page.headers['set-cookie'] ?? ''))
  if (pair) {
    const successor = createBrowser(app)
    successor.setCookie('sessionId', pair[1]!)
    t.equal((await successor.get('/me')).json().userId, null, 'and its successor is nobody')
  }
}

for (const url of ['/step-up', '/unchecked']) {
  t.test(`regenerate(keys) on ${url} cannot carry on a session that was signed out`, async t => {
    const scene = await open(t)
    const raising = scene.browser.clone().post(url)
    await scene.gate.reached
    await scene.browser.post('/sign-out')
    scene.gate.open()
    const page = await raising
    t.equal(page.statusCode, 200)
    t.match(page.json(), { userId: null })
    await isNobody(t, scene, page)
  })

  t.test(`regenerate(keys) on ${url} cannot carry on a session that a sibling found past its deadline`, async t => {
    const scene = await open(t)
    const raising = scene.browser.clone().post(url)
    await scene.gate.reached
    scene.clock.tick(30 * minute)
    t.match((await scene.browser.get('/me')).json(), { userId: null, ended: 'idle' })
    scene.gate.open()
    await isNobody(t, scene, await raising)
  })

  t.test(`regenerate(keys) on ${url} cannot carry on a session that is past its deadline, seen by nobody`, async t => {
    const scene = await open(t)
    const raising = scene.browser.clone().post(url)
    await scene.gate.reached
    scene.clock.tick(30 * minute)
    scene.gate.open()
    await isNobody(t, scene, await raising)
  })

  t.test(`regenerate(keys) on ${url} cannot carry on a session that another process ended`, async t => {
    const scene = await open(t)
    const raising = scene.browser.clone().post(url)
    await scene.gate.reached
    scene.store.data.clear()
    scene.gate.open()
    await isNobody(t, scene, await raising)
  })
}

t.test('regenerate(keys) on an unchecked route does not carry on a session that came past its deadline', async t => {
  const scene = await open(t)
  scene.gate.open()
  scene.clock.tick(30 * minute)
  await isNobody(t, scene, await scene.browser.post('/unchecked'))
})

t.test('regenerate(keys) of a live session carries its data on', async t => {
  const scene = await open(t)
  scene.gate.open()
  scene.clock.tick(30 * minute - 1)
  t.match((await scene.browser.post('/step-up')).json(), { userId: 'ada', ended: null })
  t.match((await scene.browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
})

t.test('a successor starts anew, also when the old record is among the keys', async t => {
  for (const url of ['/renew', '/merge']) {
    await t.test(url, async t => {
      const { clock, browser, store } = await open(t, { absoluteTimeout: '1h' })
      clock.tick(29 * minute)
      await browser.post(url)
      const now = clock.now()
      const [id] = store.sessions()
      t.match(store.peek(id!), { userId: 'ada', sessionTimeout: { startedAt: now, lastActivity: now } })
      clock.tick(29 * minute)
      t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
      clock.tick(29 * minute)
      t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 2 * minute }, 'its own hour')
    })
  }
})

t.test('signing in while the old session ends under way gives a live session, a cookie and no end', async t => {
  const scene = await open(t)
  const late = scene.browser.post('/late-sign-in')
  await scene.gate.reached
  await scene.browser.clone().post('/sign-out')
  scene.gate.open()
  t.match((await late).json(), { ended: null })
  t.match((await scene.browser.get('/me')).json(), { userId: 'ada', ended: null, remaining: 30 * minute })
})
