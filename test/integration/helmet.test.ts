import helmet from '@fastify/helmet'
import t from 'tap'
import { buildApp } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'

const timeout = { user: (session: { userId?: string }) => session.userId, afterTimeout: { redirectTo: '/login' }, endpoint: '/session-timeout' }

t.test('what the plugin answers has the headers of helmet', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout, before: app => { app.register(helmet) } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.ok((await browser.get('/session-timeout/client.js')).headers['content-security-policy'])
  clock.tick(30 * minute)
  const headers = { 'content-security-policy': /default-src 'self'/, 'x-content-type-options': 'nosniff' }
  t.match((await browser.clone().get('/me')), { statusCode: 401, headers })
  t.match((await browser.request({ url: '/me', headers: { accept: 'text/html' } })), { statusCode: 303, headers })
})
