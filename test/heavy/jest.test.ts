import t from 'tap'
import { installIn } from './installed.js'

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

// The cookie package is an ES module. Fastify's inject() requires it, @fastify/cookie imports it, and before Node 24.9 Jest can do neither.
const transform = `
const { transformSync } = require('esbuild')
module.exports = { process: code => ({ code: transformSync(code, { format: 'cjs', supported: { 'dynamic-import': false } }).code }) }
`
const config = { testEnvironment: 'node', watchman: false, transform: { '[.]js$': '<rootDir>/transform.cjs' }, transformIgnorePatterns: ['/node_modules/(?!(@fastify/)?cookie/)'] }

t.test('an application that is tested with Jest; the package itself needs no transform', async t => {
  const { dir, run } = await installIn(t, { 'package.json': '{ "type": "commonjs" }', 'app.test.js': test, 'transform.cjs': transform, 'jest.config.json': JSON.stringify(config) })
  // Jest leaves out folders whose name begins with a dot, unless they are its root.
  await t.resolves(run('jest/bin/jest.js', '--ci', '--rootDir', dir, '--config', 'jest.config.json', '--runInBand', '--cacheDirectory', `${dir}/cache`))
})
