import t from 'tap'
import { buildApp, type AppOptions, type LogLine } from '../helpers/app.js'

const info = 30
const warn = 40

async function logsOf (t: Parameters<typeof buildApp>[0], options: AppOptions): Promise<LogLine[]> {
  return (await buildApp(t, options)).logs
}

t.test('the resolved policy is logged once at start', async t => {
  const lines = (await logsOf(t, {})).filter(line => line.msg === 'session timeout policy')
  t.equal(lines.length, 1)
  t.equal(lines[0]!.level, info)
  t.same(lines[0]!.sessionTimeout, {
    idleTimeout: 1_800_000,
    absoluteTimeout: 86_400_000,
    warnBefore: 120_000,
    touchInterval: 60_000,
    storeGrace: 86_400_000,
    rolling: true,
    sessionOnly: true,
    cookieName: 'sessionId',
    appliesTo: 'every session',
    afterTimeout: 'continue',
    endpoint: false,
    trustedOrigins: [],
    endBus: 'none'
  })
})

t.test('the logged policy says what differs by request', async t => {
  const [line] = await logsOf(t, {
    timeout: { idleTimeout: () => '5m', absoluteTimeout: () => '1h', appliesTo: () => true, afterTimeout: { redirectTo: '/login' }, endpoint: '/session-timeout', sessionOnly: false, rolling: false }
  })
  t.same(line!.sessionTimeout, {
    idleTimeout: 'per request',
    absoluteTimeout: 'per request',
    warnBefore: 120_000,
    touchInterval: 'per request',
    storeGrace: 86_400_000,
    rolling: false,
    sessionOnly: false,
    cookieName: 'sessionId',
    appliesTo: 'some sessions',
    afterTimeout: { redirectTo: '/login', returnParam: 'returnTo', reasonParam: 'reason' },
    endpoint: '/session-timeout',
    trustedOrigins: [],
    endBus: 'none'
  })
  const [fixed] = await logsOf(t, { timeout: { idleTimeout: () => '5m', touchInterval: '10s' } })
  t.match(fixed!.sessionTimeout, { touchInterval: 10_000 })
})

t.test('the touch interval is a minute, or a thirtieth of the idle timeout when that is less', async t => {
  const figures: Array<[number | string | false, number]> = [['30m', 60_000], ['2h', 60_000], ['15m', 30_000], [60_000, 2000], [100, 3], [29, 0], [false, 60_000]]
  for (const [idleTimeout, touchInterval] of figures) {
    const [line] = (await logsOf(t, { timeout: { idleTimeout } })).filter(line => line.level === info)
    t.match(line!.sessionTimeout, { touchInterval }, String(idleTimeout))
  }
})

t.test('a touch interval that lets active users be warned is legal but warned about', async t => {
  const late = (await logsOf(t, { timeout: { idleTimeout: '10m', touchInterval: '8m' } })).filter(line => line.level === warn)
  t.match(late, [{ msg: 'fastify-session-timeout: touchInterval is not below idleTimeout - warnBefore: users who are active will be warned' }])
  for (const timeout of [{ idleTimeout: '10m', touchInterval: '5m' }, { idleTimeout: () => '10m', touchInterval: '8m' }, { idleTimeout: false as const, touchInterval: '8m' }]) {
    t.same((await logsOf(t, { timeout })).filter(line => line.level === warn), [])
  }
})

t.test('a warning too short for WCAG 2.2.1 is legal but warned about', async t => {
  const short = (await logsOf(t, { timeout: { warnBefore: 19_999 } })).filter(line => line.level === warn)
  t.match(short, [{ msg: 'fastify-session-timeout: warnBefore is under 20 s: WCAG 2.2.1 gives users at least that long to extend' }])
  t.same((await logsOf(t, { timeout: { warnBefore: 20_000 } })).filter(line => line.level === warn), [])
})

t.test('a warning not below the idle timeout is legal but warned about', async t => {
  for (const [idleTimeout, warnings] of [[120_001, 0], [120_000, 1], [119_999, 1]] as const) {
    const lines = (await logsOf(t, { timeout: { idleTimeout } })).filter(line => line.level === warn)
    t.equal(lines.length, warnings, `idleTimeout ${idleTimeout}`)
    if (warnings > 0) t.equal(lines[0]!.msg, 'fastify-session-timeout: warnBefore is not below idleTimeout: the warning is due as soon as the session starts')
  }
  t.same((await logsOf(t, { timeout: { idleTimeout: false } })).filter(line => line.level === warn), [])
})

t.test('nothing is warned about with the defaults', async t => {
  t.same((await logsOf(t, {})).filter(line => line.level >= warn), [])
})
