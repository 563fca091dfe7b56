import Fastify from 'fastify'
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import t from 'tap'
import { buildApp, secret } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

const origin = 'https://app.example'

t.test('in the order of the picture, every answer carries what the application promises', async t => {
  const clock = fakeClock(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await follow('Order of registration', app, { secret })
  app.post('/sign-in', async request => {
    await request.session.regenerate()
    request.session.userId = 'ada'
  })
  app.get('/account', async (_request, reply) => reply.type('text/html').send('<p>Account</p>'.repeat(200)))

  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const page = await browser.get('/account', { 'accept-encoding': 'gzip' })
  t.match(page.headers, { 'content-encoding': 'gzip', 'server-timing': /session-timeout;dur=\d+/ })
  const client = await browser.get('/session-timeout/client.js', { 'accept-encoding': 'gzip' })
  t.match(client.headers, { 'content-encoding': 'gzip', 'content-security-policy': /default-src/ }, 'the client too')

  clock.tick(15 * minute)
  const call = await browser.clone().get('/account', { origin, accept: 'application/json' })
  t.equal(call.statusCode, 401)
  t.match(call.headers, {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'content-security-policy': /default-src/
  })
  const navigation = await browser.request({ url: '/account', headers: { accept: 'text/html' } })
  t.equal(navigation.statusCode, 303)
  t.match(navigation.headers, { location: '/login?returnTo=%2Faccount&reason=idle', 'content-security-policy': /default-src/ })
})

t.test('registered after the plugin, they are missing from its answers', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { user: session => session.userId, afterTimeout: 'unauthorized', endpoint: '/session-timeout' },
    async routes (app) {
      await app.register(helmet)
      await app.register(cors, { origin, credentials: true })
      await app.register(compress)
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const client = await browser.get('/session-timeout/client.js', { 'accept-encoding': 'gzip' })
  t.equal(client.headers['content-security-policy'], undefined)
  clock.tick(30 * minute)
  const call = await browser.get('/me', { origin })
  t.equal(call.statusCode, 401)
  t.notMatch(call.headers, { 'access-control-allow-origin': origin })
  t.equal(call.headers['content-security-policy'], undefined)
})
