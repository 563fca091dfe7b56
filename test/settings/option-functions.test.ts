import t from 'tap'
import type { Duration, FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

t.test('limits can differ by request, for instance by role', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn, idleTimeout: request => request.session.role === 'admin' ? '5m' : '30m', absoluteTimeout: request => request.session.role === 'admin' ? '1h' : false }
  })
  const admin = createBrowser(app)
  const user = createBrowser(app)
  await admin.post('/sign-in?role=admin')
  await user.post('/sign-in')
  clock.tick(5 * minute - 1)
  t.match((await admin.clone().get('/me')).json(), { userId: 'ada', remaining: 5 * minute })
  clock.tick(5 * minute)
  t.match((await admin.get('/me')).json(), { userId: null, ended: 'idle' })
  t.match((await user.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
})

t.test('a limit function that returns false means no such limit', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: () => false, absoluteTimeout: '2h' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(120 * minute - 1)
  t.equal((await browser.clone().get('/me')).json().userId, 'ada')
  clock.tick(1)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'absolute' })
})

const rubbish: Array<[value: unknown, type: string]> = [
  [0, 'a number'], [-1, 'a number'], [NaN, 'a number'], [Infinity, 'a number'], [401 * 86_400_000, 'a number'], ['soon', 'a string'], ['', 'a string'],
  [null, 'null'], [undefined, 'undefined'], [true, 'a boolean'], [1n, 'a bigint'], [Symbol('x'), 'a symbol'], [() => 1, 'a function'],
  [Promise.resolve(1000), 'a promise'], [{}, 'an object'], [[1], 'an array']
]

t.test('rubbish from a limit function ends the request with a 500, never with an unlimited session', async t => {
  let value: unknown
  for (const option of ['idleTimeout', 'absoluteTimeout'] as const) {
    const { app } = await buildApp(t, {
      session: { rolling: true, store: new JsonStore() },
      timeout: { appliesTo: signedIn, [option]: () => value as Duration }
    })
    const browser = createBrowser(app)
    value = '20m'
    await browser.post('/sign-in')
    for (const [returned, type] of rubbish) {
      value = returned
      const page = await browser.get('/me')
      t.equal(page.statusCode, 500, `${option} returns ${type}`)
      t.match(page.json(), {
        code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
        message: `what ${option} returns must be a duration of more than 0 and at most 400 days, in ms or such as "15m", received ${type}`
      })
    }
    value = '20m'
    t.equal((await browser.get('/me')).json().userId, 'ada', 'the session is none the worse')
  }
})

t.test('rubbish while a session is being stored stores nothing', async t => {
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store }, timeout: { idleTimeout: () => undefined as unknown as Duration } })
  const browser = createBrowser(app)
  const page = await browser.post('/sign-in')
  t.equal(page.statusCode, 500)
  t.equal(page.json().code, 'FST_SESSION_TIMEOUT_INVALID_OPTION')
  t.same(page.setCookies, [])
  t.same(store.sessions(), [])
})

t.test('no limit at all for a request is a 500 too', async t => {
  let none = false
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: () => none ? false : '5m', absoluteTimeout: () => none ? false : '5m' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  none = true
  t.match((await browser.get('/me')).json(), {
    statusCode: 500,
    code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
    message: 'idleTimeout or absoluteTimeout must be set: a session without any limit never ends, received false'
  })
})

t.test('an option function that throws ends the request with a 500 that names the option, and the log has the error', async t => {
  const clock = fakeClock(t)
  for (const option of ['idleTimeout', 'absoluteTimeout', 'appliesTo', 'countsAsActivity'] as const) {
    let failing = false
    const timeout: FastifySessionTimeoutOptions = {
      appliesTo: signedIn,
      [option]: (request: Parameters<typeof signedIn>[0]) => {
        if (failing) throw new Error(`no ${option}`)
        return option === 'appliesTo' ? signedIn(request) : option === 'countsAsActivity' ? true : '20m'
      }
    }
    const { app, logs } = await buildApp(t, { timeout })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(5 * minute)
    failing = true
    const page = await browser.get('/me')
    t.match(page.json(), {
      statusCode: 500,
      code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
      message: `${option} failed: the function threw Error`
    })
    t.match(logs.filter(({ err }) => err), [{ err: { message: `${option} failed: the function threw Error: no ${option}` } }])
    failing = false
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
})

t.test('an async predicate would mean "always": it is refused', async t => {
  const clock = fakeClock(t)
  for (const option of ['appliesTo', 'countsAsActivity'] as const) {
    const { app } = await buildApp(t, { timeout: { [option]: async () => false }, session: { rolling: true }, routes: app => { app.post('/visit', async request => { request.session.views = 1 }) } })
    const browser = createBrowser(app)
    let page = await browser.post('/visit')
    if (option === 'countsAsActivity') {
      clock.tick(5 * minute)
      page = await browser.get('/me')
    }
    t.match(page.json(), { statusCode: 500, code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: `what ${option} returns must be true or false, received a promise` })
  }
})

t.test('countsAsActivity decides what extends', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, countsAsActivity: request => request.headers['x-poll'] === undefined } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(10 * minute)
  const poll = await browser.get('/me', { 'x-poll': '1' })
  t.equal(poll.json().remaining, 20 * minute)
  t.same(poll.setCookies, [])
  t.equal((await browser.get('/me')).json().remaining, 30 * minute)
})

t.test('a configured touchInterval longer than a short idle limit does not end an active user', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, idleTimeout: request => request.session.role === 'admin' ? '1m' : '1h', touchInterval: '2m' } })
  const admin = createBrowser(app)
  await admin.post('/sign-in?role=admin')
  for (let i = 0; i < 10; i++) {
    clock.tick(50_000)
    t.equal((await admin.get('/me')).json().userId, 'ada')
  }
})

t.test('a bad answer of an option function is named by its type, never by its value: it may be what a session holds', async t => {
  const { app, logs } = await buildApp(t, {
    timeout: { user: session => (session.note ?? null) && (BigInt(session.note!) as unknown as number) },
    routes: app => { app.post('/note', async request => { request.session.note = '4111111111111111' }) }
  })
  const page = await createBrowser(app).post('/note')
  t.match(page.json(), { statusCode: 500, code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: 'what user returns must be a string, a number, or null or undefined for nobody, received a bigint' })
  t.notMatch(JSON.stringify(logs), '4111111111111111')
})

t.test('a user that throws is a 500 that names the option, whatever it throws', async t => {
  for (const [thrown, type] of [[new TypeError('x'), 'TypeError'], ['text', 'a string'], [null, 'null']] as const) {
    const { app } = await buildApp(t, { timeout: { user () { throw thrown } } })
    t.match((await createBrowser(app).post('/sign-in')).json(), {
      statusCode: 500, code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: `user failed: the function threw ${type}`
    })
  }
})

t.test('a text for a message that is none is a 500 that names the option', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { flash: true, timeout: { appliesTo: signedIn, absoluteTimeout: '20m', flash: { ended: (async () => 'bye') as never, expiring: (() => 5) as never } } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(19 * minute)
  t.match((await browser.clone().get('/me', { 'sec-fetch-mode': 'navigate' })).json(), { statusCode: 500, message: 'what flash.expiring returns must be the text of a message, received a number' })
  clock.tick(minute)
  t.match((await browser.get('/me', { 'sec-fetch-mode': 'navigate' })).json(), { statusCode: 500, message: 'what flash.ended returns must be the text of a message, received a promise' })
})
