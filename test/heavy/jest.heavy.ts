import t from 'tap'
import { installIn, root } from './installed.js'

const test = `
const Fastify = require('fastify')
const sessionTimeout = require('fastify-session-timeout')

test('signs out who is away too long', async () => {
  // Nothing but Date.
  jest.useFakeTimers({ doNotFake: ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate', 'setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] })
  const app = Fastify()
  await app.register(require('@fastify/cookie'))
  await app.register(require('@fastify/session'), { secret: 'a secret that is long enough for a signature', rolling: false, saveUninitialized: false, cookie: { secure: false } })
  await app.register(sessionTimeout.default, { afterTimeout: 'unauthorized' })
  app.post('/sign-in', async request => { request.session.userId = 'ada' })
  app.get('/', async request => request.session.userId ?? 'nobody')
  const signedIn = await app.inject({ method: 'POST', url: '/sign-in' })
  const cookie = signedIn.headers['set-cookie'].split(';')[0]
  expect((await app.inject({ url: '/', headers: { cookie } })).body).toBe('ada')
  jest.setSystemTime(Date.now() + 30 * 60_000)
  expect((await app.inject({ url: '/', headers: { cookie } })).json()).toMatchObject({ code: 'FST_SESSION_TIMEOUT_ENDED' })
  await app.close()
})

test('the client can be required', () => {
  expect(typeof require('fastify-session-timeout/client').startSessionTimeout).toBe('function')
})
`

t.test('an application that is tested with Jest', async t => {
  const { dir, run } = await installIn(t, { 'package.json': '{ "type": "commonjs" }', 'app.test.js': test, 'jest.config.json': '{ "testEnvironment": "node", "transform": {}, "watchman": false }' })
  // For @fastify/cookie, which loads an ES module with import(); this package needs no flag.
  await t.resolves(run('node', '--experimental-vm-modules', `${root}node_modules/jest/bin/jest.js`, '--ci', '--rootDir', dir, '--config', 'jest.config.json', '--runInBand', '--cacheDirectory', `${dir}/cache`))
})
