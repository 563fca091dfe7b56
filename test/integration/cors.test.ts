import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { secret } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

const page = { origin: 'https://app.example', 'sec-fetch-site': 'same-site' }
const readable = { 'access-control-allow-origin': 'https://app.example', 'access-control-allow-credentials': 'true' }

async function buildApi (t: Test): Promise<{ app: FastifyInstance, browser: Browser }> {
  const app = Fastify({ trustProxy: true })
  t.teardown(() => app.close())
  await follow('@fastify/cors', app, { secret })
  app.post('/sign-in', async request => {
    await request.session.regenerate()
    request.session.userId = 'ada'
  })
  app.get('/me', async request => ({ user: request.session.userId ?? null }))
  const browser = createBrowser(app)
  const { request } = browser
  // A Secure cookie, behind a proxy that speaks https.
  const overHttps: typeof request = options => request({ ...options, headers: { 'x-forwarded-proto': 'https', host: 'api.example', ...options.headers } })
  return { app, browser: { ...browser, request: overHttps, get: (url, headers = {}) => overHttps({ url, headers }), post: (url, payload, headers = {}) => overHttps({ method: 'POST', url, headers, ...(payload === undefined ? {} : { payload }) }) } }
}

t.test('a page of a trusted origin signs in, asks, extends and signs out', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildApi(t)
  const signedIn = await browser.post('/sign-in', undefined, page)
  t.match(signedIn.setCookies, [/; Secure; SameSite=None$/])
  t.match(await browser.get('/session-timeout', page), { statusCode: 200, headers: readable })
  clock.tick(29 * minute)
  const extended = await browser.post('/session-timeout', { idleFor: 0 }, page)
  t.match(extended, { statusCode: 200, headers: readable })
  t.match(extended.json(), { active: true, remaining: 30 * minute })
  t.match(await browser.request({ method: 'DELETE', url: '/session-timeout', headers: page }), { statusCode: 204, headers: readable })
  t.same((await browser.get('/me', page)).json(), { user: null })
})

t.test('the answer to an ended session can be read by the page', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildApi(t)
  await browser.post('/sign-in', undefined, page)
  clock.tick(30 * minute)
  const ended = await browser.get('/me', page)
  t.match(ended, { statusCode: 401, headers: readable })
  t.match(ended.json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
})

t.test('preflights are answered without a session, for all methods of the endpoint', async t => {
  const { app } = await buildApi(t)
  for (const method of ['POST', 'DELETE']) {
    const preflight = await app.inject({ method: 'OPTIONS', url: '/session-timeout', headers: { ...page, 'access-control-request-method': method, 'access-control-request-headers': 'content-type' } })
    t.match(preflight, { statusCode: 204, headers: readable })
    t.match(preflight.headers['access-control-allow-methods'], method)
  }
})

t.test('other origins neither extend nor sign out', async t => {
  fakeClock(t)
  const { browser } = await buildApi(t)
  await browser.post('/sign-in', undefined, page)
  for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'https://app.example:8443', 'null']) {
    for (const site of [{ 'sec-fetch-site': 'cross-site' }, {}]) {
      for (const method of ['POST', 'DELETE'] as const) {
        const refused = await browser.request({ method, url: '/session-timeout', headers: { origin, ...site } })
        t.equal(refused.statusCode, 403, `${method} from ${origin}`)
      }
    }
  }
  t.equal((await browser.post('/session-timeout', {}, { 'sec-fetch-site': 'cross-site' })).statusCode, 403, 'nor a page that does not say which it is')
  t.same((await browser.get('/me', page)).json(), { user: 'ada' })
})
