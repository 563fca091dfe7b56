import session from '@fastify/session'
import fc from 'fast-check'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const numRuns = Number(process.env.FUZZ_RUNS ?? 100)
const seed = 20261123

t.test('no cookie but the exact one is signed in, and none makes an error', async t => {
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const cookie = browser.cookie('sessionId')!
  const mutated = fc.oneof(
    fc.tuple(fc.nat(cookie.length - 1), fc.string({ maxLength: 3 })).map(([at, text]) => cookie.slice(0, at) + text + cookie.slice(at + 1)),
    fc.nat(cookie.length - 1).map(at => cookie.slice(0, at)),
    fc.string({ maxLength: 20 }).map(text => cookie + text),
    fc.string({ maxLength: 80 }),
    fc.constantFrom('', '.', '%', '%00', '__proto__', 'constructor', 'ended:', `ended:${cookie}`, `${cookie},${cookie}`, cookie.toUpperCase())
  )
  await fc.assert(fc.asyncProperty(mutated, fc.constantFrom('sessionId=#', '#', 'a=b; sessionId=#', 'sessionId=#; sessionId=#', 'sessionId="#"', ';;sessionId=#;'), async (value, header) => {
    // What a parser reads as the very same value is the same cookie.
    const sent = header.replaceAll('#', value)
    const same = sent.split(';').some(part => part.trim().replace(/"/g, '').trim() === `sessionId=${cookie}`) || decoded(value) === decoded(cookie)
    fc.pre(!same)
    const page = await app.inject({ url: '/me', headers: { cookie: sent.replace(/[^\x20-\x7e]/g, '') } })
    if (page.statusCode !== 200 || page.json().userId !== null) throw new Error(`${page.statusCode} ${page.body}`)
  }), { numRuns, seed })
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('a record of any shape from the store is live only when both its instants say so', async t => {
  const clock = fakeClock(t)
  const instant = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -1, NaN, Infinity, -Infinity, 1e308, -1e308, 8.64e15, 8.64e15 + 1, Number.MAX_SAFE_INTEGER), fc.string(), fc.constant(null), fc.boolean(),
    fc.integer({ min: -60, max: 60 }).map(minutes => clock.now() + minutes * minute),
    // As a database that keeps text, or dates, may give it back.
    fc.constantFrom<unknown>(String(clock.now()), [clock.now()], new Date(clock.now()).toISOString()))
  const half = fc.oneof(instant, fc.constant(clock.now()))
  const record = fc.oneof(
    { weight: 4, arbitrary: fc.record({ startedAt: half, lastActivity: half }, { requiredKeys: [] }) },
    { weight: 1, arbitrary: fc.anything() },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(JSON.parse('{"__proto__":{"startedAt":1,"lastActivity":1}}'), [], [1, 2], 'now', 0, null) }
  )
  for (const keeps of ['JSON', 'objects']) {
    await t.test(`from a store that keeps ${keeps}`, async t => {
      const kept = new Map()
      const store = new JsonStore()
      // In one process the user signs in; the other one knows of the session only what the store says.
      const stores = keeps === 'JSON' ? [store, new JsonStore({ data: store.data })] : [new session.MemoryStore(kept), new session.MemoryStore(kept)]
      const [here, there] = await Promise.all(stores.map(async one => (await buildApp(t, { session: { store: one }, timeout: { appliesTo: signedIn, onTimeout: () => {} } })).app))
      await fc.assert(fc.asyncProperty(record, async value => {
        const json = toJson(value)
        // A session that has no record is one from before the plugin: it gets one.
        fc.pre(json !== undefined)
        const found: unknown = keeps === 'JSON' ? JSON.parse(json!) : value
        const user = createBrowser(here!)
        await user.post('/sign-in')
        const browser = createBrowser(there!)
        browser.setCookie('sessionId', user.cookie('sessionId')!)
        if (keeps === 'JSON') {
          const [id] = store.sessions()
          store.data.set(id!, JSON.stringify({ ...store.peek(id!), sessionTimeout: found }))
        } else for (const one of kept.values()) one.sessionTimeout = found
        const page = await browser.get('/me')
        const live = isLive(found, clock.now())
        if (page.statusCode !== 200 || page.json().userId !== (live ? 'ada' : null)) throw new Error(`${page.statusCode} ${page.body}`)
        store.data.clear()
        kept.clear()
      }), { numRuns, seed })
      t.pass()
    })
  }
})

t.test('no request header makes an error, leads off the site, or shows an ended session', async t => {
  const { app } = await buildApp(t, { flash: true, timeout: { appliesTo: signedIn, afterTimeout: { redirectTo: '/login' }, endpoint: '/session-timeout' } })
  const clock = fakeClock(t)
  const value = fc.oneof(fc.constantFrom('navigate', 'cors', 'true', 'prefetch', 'prefetch;prerender', 'same-origin', 'cross-site', 'none', 'null', 'https://evil.example', 'http://localhost', 'text/html', '*/*', 'http://[', '//'), fc.string({ maxLength: 30 }).map(text => text.replace(/[^\x20-\x7e]/g, '')))
  const names = ['sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-dest', 'sec-purpose', 'purpose', 'x-moz', 'hx-request', 'origin', 'accept', 'server-timing', 'referer'] as const
  const headers = fc.record(Object.fromEntries(names.map(name => [name, value])), { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>
  await fc.assert(fc.asyncProperty(headers, fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS') as fc.Arbitrary<'GET'>, fc.constantFrom('/me', '/session-timeout', '/nowhere', '//evil.example/', '/%2f'), fc.constantFrom(0, 29 * minute, 30 * minute), async (headers, method, url, wait) => {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(wait)
    const page = await browser.request({ method, url, headers })
    if (page.statusCode >= 500) throw new Error(`${page.statusCode} ${page.body}`)
    if (wait === 30 * minute && page.body.includes('ada')) throw new Error('signed in past the deadline')
    const { location } = page.headers
    if (location !== undefined && !/^\/login\?/.test(location)) throw new Error(`sent to ${location}`)
    if (location !== undefined && /returnTo=%2F(?:%2F|%5C)/i.test(location)) throw new Error(`returns to ${location}`)
  }), { numRuns, seed })
  t.pass()
})

t.test('no body of a report revives a session or reaches past now', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn, touchInterval: 0, endpoint: '/session-timeout' } })
  const idleFor = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constantFrom<unknown>(1e308, -1, null, [], {}, true, '1e999', '-1'))
  const body = fc.oneof(fc.record({ idleFor }).map(one => JSON.stringify(one) ?? ''), fc.json(), fc.string())
  await fc.assert(fc.asyncProperty(body, fc.boolean(), async (payload, late) => {
    store.data.clear()
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const signedInAt = clock.now()
    clock.tick(late ? 30 * minute : 10 * minute)
    const page = await browser.request({ method: 'POST', url: '/session-timeout', payload, headers: { 'content-type': 'application/json' } })
    if (page.statusCode >= 500) throw new Error(`${page.statusCode} ${page.body}`)
    if (late && page.statusCode === 200) throw new Error('revived')
    const [id] = store.sessions()
    const record = id === undefined ? undefined : store.peek(id)!.sessionTimeout as { lastActivity: number }
    if (late !== (record === undefined)) throw new Error('the store disagrees')
    if (record && (record.lastActivity < signedInAt || record.lastActivity > clock.now())) throw new Error(`lastActivity ${record.lastActivity}`)
  }), { numRuns, seed })
  t.pass()
})

function decoded (value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function toJson (value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** The contract: both halves are instants, and neither deadline has passed; one from the future is now. */
function isLive (value: unknown, now: number): boolean {
  const { startedAt, lastActivity } = (value ?? {}) as { startedAt?: unknown, lastActivity?: unknown }
  const isInstant = (one: unknown): one is number => typeof one === 'number' && one >= 0 && one <= 8.64e15
  return !Array.isArray(value) && isInstant(startedAt) && isInstant(lastActivity) && now < Math.min(lastActivity, now) + 30 * minute && now < Math.min(startedAt, now) + 24 * 60 * minute
}
