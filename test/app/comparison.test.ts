import { readFile } from 'node:fs/promises'
import session from '@fastify/session'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { createGate } from '../helpers/gate.js'
import { root } from '../helpers/root.js'
import { CountingStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

declare module 'fastify' {
  interface Session {
    lastActivity?: number
  }
}

// The recipe, as most would write it.
function handWritten (app: FastifyInstance): void {
  app.addHook('onRequest', async request => {
    const { lastActivity } = request.session
    if (lastActivity !== undefined && Date.now() - lastActivity > 30 * minute) await request.session.regenerate()
    request.session.lastActivity = Date.now()
  })
}

const cookie = { maxAge: 30 * minute }
const contenders: Record<string, AppOptions> = {
  '`cookie.maxAge`': { timeout: false, session: { cookie } },
  '`cookie.maxAge` and `rolling: true`': { timeout: false, session: { cookie, rolling: true } },
  'a hand-written hook': { timeout: false, routes: handWritten },
  // Nothing at the server; and the page, which would sign out, is asleep.
  'react-idle-timer (no timer runs while the laptop is closed)': { timeout: false },
  'fastify-session-timeout': { timeout: { idleTimeout: '30m', afterTimeout: { redirectTo: '/login' } } }
}

async function measure (t: Test, options: AppOptions): Promise<string[]> {
  const clock = fakeClock(t)
  const gate = createGate()
  const store = new CountingStore(new session.MemoryStore())
  const { app } = await buildApp(t, {
    ...options,
    session: { ...options.session, store },
    routes: app => {
      options.routes?.(app)
      app.post('/slow', async request => {
        request.session.note = 'written late'
        await gate.pass()
      })
    }
  })
  const signIn = async () => {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    // A thief, and a browser that keeps its cookies, know nothing of lifetimes.
    const thief = createBrowser(app)
    thief.setCookie('sessionId', browser.cookie('sessionId')!)
    await thief.get('/me')
    return { browser: thief, signedIn: async () => (await thief.get('/me')).body.includes('"ada"') }
  }
  const inOrOut = async (signedIn: () => Promise<boolean>): Promise<string> => await signedIn() ? 'signed in' : 'signed out'

  const idle = await signIn()
  clock.tick(31 * minute)
  const answer = await idle.browser.clone().navigate('/me')
  const told = answer.hops.some(hop => hop.includes('reason=idle')) ? 'why' : 'nothing'
  const cells = [await inOrOut(idle.signedIn)]

  for (const [minutes, pause] of [[31, 1], [25 * 60, 10]] as const) {
    const busy = await signIn()
    // Often enough for an idle limit, and for whatever is due within it.
    for (let at = 0; at < minutes; at += pause) {
      clock.tick(pause * minute)
      await busy.browser.get('/me')
    }
    cells.push(await inOrOut(busy.signedIn))
  }

  const { browser, signedIn } = await signIn()
  const late = browser.clone().post('/slow')
  await gate.reached
  await browser.post('/sign-out')
  gate.open()
  await late
  cells.push(await signedIn() ? 'brings the session back' : 'changes nothing')

  const counted = await signIn()
  const before = store.counts.set
  for (let request = 0; request < 1000; request++) {
    clock.tick(second)
    await counted.browser.get('/me')
  }
  return [...cells, String(store.counts.set - before), told]
}

t.test('the comparison in the README is what comes out', async t => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const rows = new Map(readme.split('\n').filter(line => line.startsWith('| ')).map(line => line.slice(2, -2).split(' | ')).map(([name, ...cells]) => [name, cells]))
  // The column before the last one comes from benchmark/lost-saves.mjs, which takes four processes and a Redis.
  for (const [name, options] of Object.entries(contenders)) {
    await t.test(name, async t => { t.strictSame(rows.get(name)?.toSpliced(-2, 1), await measure(t, options)) })
  }
})
