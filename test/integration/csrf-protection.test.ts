import csrf from '@fastify/csrf-protection'
import formbody from '@fastify/formbody'
import t, { type Test } from 'tap'
import { buildApp } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

const form = { 'content-type': 'application/x-www-form-urlencoded' }

async function buildSite (t: Test, protect: boolean): Promise<Browser> {
  const { app } = await buildApp(t, {
    timeout: { user: session => session.userId, endpoint: '/session-timeout', afterTimeout: { redirectTo: '/login' } },
    async routes (app) {
      await app.register(formbody)
      await app.register(csrf, { sessionPlugin: '@fastify/session' })
      app.get('/form', async (_request, reply) => reply.generateCsrf())
      app.post('/letter', async () => 'sent')
      if (protect) await follow('@fastify/csrf-protection', app)
      else app.addHook('preHandler', (request, reply, done) => request.method === 'GET' ? done() : app.csrfProtection(request, reply, done))
    }
  })
  return createBrowser(app)
}

async function signIn (browser: Browser): Promise<string> {
  const { body: token } = await browser.get('/form')
  await browser.post('/sign-in', undefined, { 'csrf-token': token })
  return (await browser.get('/form')).body
}

t.test('with the whole application protected, the endpoint still extends and signs out', async t => {
  const clock = fakeClock(t)
  const browser = await buildSite(t, true)
  const token = await signIn(browser)
  clock.tick(29 * minute)
  const extended = await browser.post('/session-timeout', {}, { 'sec-fetch-site': 'same-origin' })
  t.match(extended.json(), { active: true, remaining: 30 * minute })
  t.equal((await browser.post('/letter', `_csrf=${encodeURIComponent(token)}`, form)).body, 'sent')
  t.equal((await browser.request({ method: 'DELETE', url: '/session-timeout', headers: { 'sec-fetch-site': 'same-origin' } })).statusCode, 204)
  t.match((await browser.get('/me')).json(), { userId: null })
})

t.test('what it leaves out is the endpoint alone, which refuses other sites itself', async t => {
  fakeClock(t)
  const browser = await buildSite(t, true)
  await signIn(browser)
  t.equal((await browser.post('/letter')).statusCode, 403)
  t.equal((await browser.post('/letter?/session-timeout')).statusCode, 403)
  t.equal((await browser.post('/session-timeout', {}, { 'sec-fetch-site': 'cross-site' })).statusCode, 403)
  t.equal((await browser.post('/session-timeout', {}, { origin: 'https://evil.example' })).statusCode, 403)
  t.match((await browser.get('/me')).json(), { userId: 'ada' })
})

t.test('without leaving it out, "Stay signed in" is refused', async t => {
  fakeClock(t)
  const browser = await buildSite(t, false)
  await signIn(browser)
  t.match((await browser.post('/session-timeout', {}, { 'sec-fetch-site': 'same-origin' })).json(), { code: 'FST_CSRF_INVALID_TOKEN' })
})

t.test('the form of an ended session is sent to sign in, not told that its token is wrong', async t => {
  const clock = fakeClock(t)
  const browser = await buildSite(t, true)
  const token = await signIn(browser)
  clock.tick(30 * minute)
  const sent = await browser.request({ method: 'POST', url: '/letter', payload: `_csrf=${encodeURIComponent(token)}`, headers: { ...form, accept: 'text/html', 'sec-fetch-mode': 'navigate' } })
  t.equal(sent.statusCode, 303)
  t.equal(sent.headers.location, '/login?reason=idle')
})
