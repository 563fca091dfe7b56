import Fastify from 'fastify'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import staticFiles from '@fastify/static'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import sessionTimeout from '../../index.js'
import { buildApp, secret } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

function files (t: Test): string {
  return t.testdir({ 'style.css': 'body { margin: 0 }' })
}

async function visitFor (browser: Browser, clock: { tick (ms: number): void }, minutes: number): Promise<void> {
  for (let at = 0; at < minutes; at += 10) {
    clock.tick(10 * minute)
    const file = await browser.get('/assets/style.css')
    if (file.statusCode !== 200) throw new Error(`the file answered ${file.statusCode}`)
  }
}

t.test('files outside of the part that has sessions cost no store call, and keep nobody signed in', async t => {
  const clock = fakeClock(t)
  const store = new CountingStore(new JsonStore())
  const app = Fastify()
  t.teardown(() => app.close())
  const sessions = fp(async app => {
    await app.register(cookie)
    await app.register(session, { secret, store, rolling: false, saveUninitialized: false, cookie: { secure: false } })
    await app.register(sessionTimeout, { user: session => session.userId })
    app.post('/sign-in', async request => { request.session.userId = 'ada' })
  })
  await follow('@fastify/static', app, { root: files(t), sessions })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.get('/account')).json(), { user: 'ada' })
  const before = { ...store.counts }
  await visitFor(browser, clock, 30)
  t.same(store.counts, before)
  t.same((await browser.get('/account')).json(), {})
})

t.test('files beside the pages are none of its business when they are told so', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { user: session => session.userId, afterTimeout: 'unauthorized' },
    routes: app => follow('@fastify/static', app, { root: files(t) }, 1)
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  await visitFor(browser, clock, 40)
  t.equal((await browser.get('/me')).statusCode, 401)
})

t.test('files among the pages, told nothing, keep signed in who does nothing', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { user: session => session.userId, afterTimeout: 'unauthorized' },
    routes: async app => { await app.register(staticFiles, { root: files(t), prefix: '/assets/' }) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  await visitFor(browser, clock, 40)
  t.equal((await browser.get('/me')).statusCode, 200)
})
