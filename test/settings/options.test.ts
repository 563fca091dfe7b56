import t from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp } from '../helpers/app.js'

interface Refusal {
  code: string
  statusCode: number
  message: string
}

/** Registers with options that TypeScript would refuse as well. */
async function register (t: Parameters<typeof buildApp>[0], options: { [name: string]: unknown }, flash = false, cookieName?: string): Promise<Refusal | undefined> {
  try {
    await buildApp(t, { flash, session: cookieName === undefined ? {} : { cookieName }, timeout: options as FastifySessionTimeoutOptions })
  } catch (error) {
    t.type(error, TypeError)
    return error as Refusal
  }
}

const durations: Array<[unknown, string]> = [
  [0, '0'], [-1, '-1'], [NaN, 'NaN'], [Infinity, 'Infinity'], [400 * 86_400_000 + 1, '34560000001'], ['', '""'], ['soon', '"soon"'], ['-5m', '"-5m"'],
  ['0', '"0"'], ['401d', '"401d"'], [null, 'null'], [true, 'true'], [{}, 'an object'], [[1], 'an array'], [Promise.resolve(1), 'a promise'], [Symbol('x'), 'Symbol(x)'], [1n, '1']
]

t.test('every option accepts what it is documented to accept', async t => {
  const accepted: Record<keyof FastifySessionTimeoutOptions, unknown[]> = {
    idleTimeout: [1, 1000, '15m', '1 hour', '400d', 400 * 86_400_000, false, () => '5m', undefined],
    absoluteTimeout: [1, '8h', false, () => false, undefined],
    warnBefore: [20_000, '5m', undefined],
    touchInterval: [0, 1, '10s', undefined],
    rolling: [true, false, undefined],
    sessionOnly: [true, false, undefined],
    cookieName: ['sessionId', 'sid', '__Host-session', undefined],
    user: [() => 'ada', () => 1, () => null, undefined],
    appliesTo: [() => true, undefined],
    storeGrace: [0, 1, '7d', undefined],
    trustedOrigins: [[], ['https://app.example', 'http://localhost:5173'], undefined],
    countsAsActivity: [() => false, undefined],
    afterTimeout: ['continue', 'unauthorized', { redirectTo: '/login' }, { redirectTo: '/login?a=b#c', returnParam: false, reasonParam: 'why' }, { redirectTo: 'https://login.example/' }, undefined],
    onTimeout: [() => {}, async () => {}, undefined],
    flash: [false, undefined],
    endpoint: [false, '/session-timeout', '/api/session', undefined],
    endBus: [{ publish () {}, subscribe: () => () => {} }, undefined]
  }
  for (const [name, values] of Object.entries(accepted)) {
    for (const value of values) t.equal(await register(t, { [name]: value }, false, name === 'cookieName' ? value as string | undefined : undefined), undefined, `${name}: ${String(value)}`)
  }
  for (const flash of [true, {}, { type: 'info' }, { ended: () => 'bye' }, { expiring: () => 'soon' }]) t.equal(await register(t, { flash }, true), undefined)
})

t.test('every option refuses anything else, naming itself, the rule and the value', async t => {
  const duration = 'a duration of more than 0 and at most 400 days, in ms or such as "15m"'
  const flag = 'true or false'
  const fn = 'a function'
  const answer = "'continue', 'unauthorized' or { redirectTo }"
  const target = 'a path of this site, percent-encoded where needed, or an http(s) URL'
  const param = 'the name of a query parameter, or false'
  const path = "a path such as '/session-timeout', without query, parameters or final slash, or false"
  const rejected: Array<[option: string, rule: string, value: unknown, received: string, named?: string]> = [
    ...durations.flatMap(([value, received]) => (['idleTimeout', 'absoluteTimeout', 'warnBefore', 'touchInterval', 'storeGrace'] as const)
      .filter(option => !((option === 'touchInterval' || option === 'storeGrace') && value === 0))
      .map((option): [string, string, unknown, string] => [option, duration, value, received])),
    ['warnBefore', duration, false, 'false'],
    ['warnBefore', duration, () => 1, 'function (anonymous)'],
    ['touchInterval', duration, false, 'false'],
    ['touchInterval', 'less than idleTimeout, or nothing would ever extend a session', '30m', '"30m"'],
    ...[0, 1, 'yes', null, {}].flatMap((value): Array<[string, string, unknown, string]> => [
      ['rolling', flag, value, typeof value === 'string' ? '"yes"' : value !== null && typeof value === 'object' ? 'an object' : String(value)],
      ['sessionOnly', flag, value, typeof value === 'string' ? '"yes"' : value !== null && typeof value === 'object' ? 'an object' : String(value)]
    ]),
    ['cookieName', 'the name of the session cookie', '', '""'],
    ['cookieName', 'the name of the session cookie', 1, '1'],
    ['cookieName', 'the name of the session cookie', null, 'null'],
    ['user', fn, 'ada', '"ada"'],
    ['user', fn, null, 'null'],
    ['appliesTo', fn, true, 'true'],
    ['appliesTo', fn, null, 'null'],
    ['countsAsActivity', fn, false, 'false'],
    ['countsAsActivity', fn, 'GET', '"GET"'],
    ['onTimeout', fn, {}, 'an object'],
    ['onTimeout', fn, null, 'null'],
    ['afterTimeout', answer, 'redirect', '"redirect"'],
    ['afterTimeout', answer, null, 'null'],
    ['afterTimeout', answer, 401, '401'],
    ['afterTimeout', answer, ['/login'], 'an array'],
    ['afterTimeout', target, {}, 'undefined', 'afterTimeout.redirectTo'],
    ...['', 'login', '//evil.example', '/\\evil.example', 'javascript:alert(1)', 'http://', '/a b', '/é'].map((redirectTo): [string, string, unknown, string, string] =>
      ['afterTimeout', target, { redirectTo }, JSON.stringify(redirectTo), 'afterTimeout.redirectTo']),
    ['afterTimeout', param, { redirectTo: '/login', returnParam: '' }, '""', 'afterTimeout.returnParam'],
    ['afterTimeout', param, { redirectTo: '/login', returnParam: true }, 'true', 'afterTimeout.returnParam'],
    ['afterTimeout', param, { redirectTo: '/login', reasonParam: null }, 'null', 'afterTimeout.reasonParam'],
    ['flash', 'left out unless @fastify/flash is registered before', true, 'true'],
    ['flash', 'left out unless @fastify/flash is registered before', { type: 'info' }, 'an object'],
    ['flash', 'true, false or { type, ended, expiring }', 'warning', '"warning"'],
    ['flash', 'true, false or { type, ended, expiring }', null, 'null'],
    ['flash', 'true, false or { type, ended, expiring }', [], 'an array'],
    ...['', '/', 'session', '/a?b', '/a#b', '/a/:id', '/a*', '/a/', '//a', '/a b', true, null, 1].map((value): [string, string, unknown, string] =>
      ['endpoint', path, value, typeof value === 'string' ? JSON.stringify(value) : String(value)])
  ]
  for (const [option, rule, value, received, named = option] of rejected) {
    const refusal = await register(t, { [option]: value })
    t.match(refusal, {
      code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
      statusCode: 500,
      message: `${named} must be ${rule}, received ${received}`
    }, `${named}: ${received}`)
  }
})

t.test('flash refuses what cannot be a message', async t => {
  const rejected: Array<[unknown, string]> = [
    [{ type: '' }, 'flash.type must be the type of a message, received ""'],
    [{ type: 1 }, 'flash.type must be the type of a message, received 1'],
    [{ ended: 'bye' }, 'flash.ended must be a function, received "bye"'],
    [{ expiring: null }, 'flash.expiring must be a function, received null'],
    [{ endded: () => '' }, 'flash.endded must be left out: there is no such option. Did you mean ended? There are type, ended, expiring']
  ]
  for (const [flash, message] of rejected) t.match(await register(t, { flash }, true), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message }, message)
})

t.test('an unknown option is refused: a typo must not become a default', async t => {
  t.match(await register(t, { idleTimout: '15m' }), {
    code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
    message: /^idleTimout must be left out: there is no such option\. Did you mean idleTimeout\? There are idleTimeout, absoluteTimeout, .*endpoint$/
  })
  t.match(await register(t, { timeout: undefined }), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /^timeout must be left out/ })
})

t.test('the value of an unknown option is not repeated: it may be a secret that was meant for another plugin', async t => {
  t.notMatch((await register(t, { secret: 'hunter2' }))?.message, 'hunter2')
  t.match(await register(t, { afterTimeout: { redirectTo: '/login', returnTo: '/x' } }), {
    message: 'afterTimeout.returnTo must be left out: there is no such option. There are redirectTo, returnParam, reasonParam'
  })
})

t.test('what fastify.register itself takes is no unknown option', async t => {
  t.equal(await register(t, { prefix: '/api', logLevel: 'warn', logSerializers: {} }), undefined)
})

t.test('a session without any limit is refused', async t => {
  t.match(await register(t, { idleTimeout: false, absoluteTimeout: false }), {
    code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
    message: 'idleTimeout or absoluteTimeout must be set: a session without any limit never ends, received false'
  })
})

t.test('a touchInterval as long as idleTimeout is refused at the limit', async t => {
  t.equal(await register(t, { idleTimeout: 1000, touchInterval: 999 }), undefined)
  t.match(await register(t, { idleTimeout: 1000, touchInterval: 1000 }), { message: /^touchInterval must be less than idleTimeout/ })
  t.equal(await register(t, { idleTimeout: false, touchInterval: '2h' }), undefined, 'nothing to exceed')
})

t.test('the options of the caller are not written into', async t => {
  const options = Object.freeze({ idleTimeout: '15m', afterTimeout: Object.freeze({ redirectTo: '/login' }), flash: Object.freeze({}) })
  const { app } = await buildApp(t, { flash: true, timeout: options })
  t.ok(app.hasRequestDecorator('sessionTimeout'))
  t.same(options, { idleTimeout: '15m', afterTimeout: { redirectTo: '/login' }, flash: {} })
})

t.test('options changed after registration change nothing', async t => {
  const options: FastifySessionTimeoutOptions = { idleTimeout: '15m' }
  const { app } = await buildApp(t, { timeout: options })
  options.idleTimeout = 1
  const cookie = (await app.inject({ method: 'POST', url: '/sign-in' })).headers['set-cookie'] as string
  const { userId, remaining } = (await app.inject({ url: '/me', headers: { cookie: cookie.split(';', 1)[0]! } })).json()
  t.equal(userId, 'ada')
  t.ok(remaining > 14 * 60_000)
})
