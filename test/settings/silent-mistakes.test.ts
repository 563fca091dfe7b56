import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'

/** What is said at start, by an error or by warnings. */
async function saidAtStart (t: Test, options: AppOptions): Promise<string> {
  try {
    const { logs } = await buildApp(t, options)
    return logs.filter(({ level }) => level >= 40).map(({ msg }) => msg).join('\n')
  } catch (error) {
    return (error as Error).message
  }
}

function route (config: object): AppOptions {
  return { routes: app => { app.get('/x', { config }, async () => 'x') } }
}

function given (timeout: object): AppOptions {
  return { timeout: timeout as FastifySessionTimeoutOptions }
}

const mistakes: Record<string, AppOptions> = {
  'idleTimeout: 900': given({ idleTimeout: 900 }),
  "idleTimeout: '900'": given({ idleTimeout: '900' }),
  'absoluteTimeout: 86400': given({ absoluteTimeout: 86400 }),
  "idleTimeout: 'soon'": given({ idleTimeout: 'soon' }),
  'idleTimeout: 0': given({ idleTimeout: 0 }),
  'idleTimeout: null': given({ idleTimeout: null }),
  'idleTimeout: false, absoluteTimeout: false': given({ idleTimeout: false, absoluteTimeout: false }),
  "idleTimeout: '2h', absoluteTimeout: '1h'": given({ idleTimeout: '2h', absoluteTimeout: '1h' }),
  "idleTimeout: '1m'": given({ idleTimeout: '1m' }),
  "idleTimeout: false, absoluteTimeout: '1h', warnBefore: '2h'": given({ idleTimeout: false, absoluteTimeout: '1h', warnBefore: '2h' }),
  "warnBefore: '5s'": given({ warnBefore: '5s' }),
  'warnBefore: 120': given({ warnBefore: 120 }),
  "touchInterval: '30m'": given({ touchInterval: '30m' }),
  "touchInterval: '20m'": given({ touchInterval: '20m' }),
  "touchInterval: '29m'": given({ touchInterval: '29m' }),
  'storeGrace: 3600': given({ storeGrace: 3600 }),
  "idleTimout: '15m'": given({ idleTimout: '15m' }),
  "afterTimeout: { redirectTo: '/login', reason: 'why' }": given({ afterTimeout: { redirectTo: '/login', reason: 'why' } }),
  "afterTimeout: 'redirect'": given({ afterTimeout: 'redirect' }),
  "afterTimeout: { redirectTo: 'login' }": given({ afterTimeout: { redirectTo: 'login' } }),
  "endpoint: '/session-timeout/'": given({ endpoint: '/session-timeout/' }),
  "trustedOrigins: ['https://app.example/']": given({ trustedOrigins: ['https://app.example/'] }),
  'flash: true': given({ flash: true }),
  "user: 'userId'": given({ user: 'userId' }),
  'rolling: 1': given({ rolling: 1 }),
  'endBus: {}': given({ endBus: {} }),
  "cookieName: 'sid'": given({ cookieName: 'sid' }),
  "config: { sessiontimeout: { idleTimeout: '5m' } }": route({ sessiontimeout: { idleTimeout: '5m' } }),
  "config: { sessionTimeout: { idleTimout: '5m' } }": route({ sessionTimeout: { idleTimout: '5m' } }),
  'config: { sessionTimeout: true }': route({ sessionTimeout: true }),
  "config: { sessionTimeout: { idleTimeout: '2h' } }": route({ sessionTimeout: { idleTimeout: '2h' } }),
  "config: { sessionTimeout: { idleTimeout: '30s' } }": route({ sessionTimeout: { idleTimeout: '30s' } }),
  'config: { sessionTimeout: { signedInWithin: 600 } }': route({ sessionTimeout: { signedInWithin: 600 } }),
  "config: { sessionTimeout: { signedInWithin: '2 days' } }": route({ sessionTimeout: { signedInWithin: '2 days' } })
}

const documents = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8')
const table = new Map(Array.from(documents.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|$/gm), ([, mistake, says]) => [mistake!, says!]))

for (const [mistake, options] of Object.entries(mistakes)) {
  t.test(`${mistake} is answered as docs/troubleshooting.md says`, async t => {
    const says = table.get(mistake)
    t.ok(says, 'the page names it')
    const said = await saidAtStart(t, options)
    t.ok(said.includes(String(says)), said)
  })
}

t.test('a user that finds nobody in dozens of sessions with data is warned about once, with the names of their keys', async t => {
  const { app, logs } = await buildApp(t, {
    timeout: { user: session => (session as { uid?: string }).uid },
    routes: app => { app.post('/cart', async request => { request.session.cart = ['a secret'] }) }
  })
  for (let count = 0; count < 30; count++) await createBrowser(app).post('/cart')
  t.same(logs.filter(({ level }) => level >= 40), [])
  for (let count = 0; count < 60; count++) await createBrowser(app).post('/sign-in')
  const warnings = logs.filter(({ level }) => level >= 40).map(({ msg }) => msg)
  t.same(warnings, ['fastify-session-timeout: user has found nobody in 48 sessions that hold data, so that none of them is timed. ' +
    'The keys in them: cart, userId. Does user read the key that the sign-in writes?'])
})

t.test('nor is one that has found somebody once', async t => {
  const { app, logs } = await buildApp(t, {
    timeout: { user: session => session.userId },
    routes: app => { app.post('/cart', async request => { request.session.cart = ['apples'] }) }
  })
  await createBrowser(app).post('/sign-in')
  for (let count = 0; count < 60; count++) await createBrowser(app).post('/cart')
  t.same(logs.filter(({ level }) => level >= 40), [])
})
