import t from 'tap'
import { buildApp, secret, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

t.test('one info line per ended session, with reason, idleFor and age', async t => {
  const clock = fakeClock(t)
  const { app, logs } = await buildApp(t, { timeout: { appliesTo: signedIn, absoluteTimeout: '1h' } })
  for (const [steps, expected] of [[[10, 31], { reason: 'idle', idleFor: 31 * minute, age: 41 * minute }], [[20, 20, 20], { reason: 'absolute', idleFor: 20 * minute, age: 60 * minute }]] as const) {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    const before = logs.length
    for (const step of steps) {
      clock.tick(step * minute)
      await browser.get('/me')
    }
    const lines = logs.slice(before).filter(line => line.msg === 'session timed out')
    t.equal(lines.length, 1)
    t.match(lines[0], { level: 30, ...expected })
    t.same(Object.keys(lines[0]!).toSorted(), ['age', 'hostname', 'idleFor', 'level', 'msg', 'pid', 'reason', 'reqId', 'time'])
  }
})

t.test('no session id, secret or session data in any line, whatever happens', async t => {
  const clock = fakeClock(t)
  const inner = new JsonStore()
  const store = new FaultyStore(inner)
  const { app, logs } = await buildApp(t, {
    session: { store },
    flash: true,
    timeout: { appliesTo: signedIn, endpoint: '/session-timeout', onTimeout: () => { throw new Error('audit is down') } }
  })
  const known: string[] = [secret, 'confidential-user', 'confidential-role']
  for (const fault of [undefined, 'get', 'set', 'destroy'] as const) {
    for (const kind of ['error', 'throw'] as const) {
      const browser = createBrowser(app)
      await browser.post('/sign-in?user=ada&role=plain')
      const id = inner.sessions().at(-1)!
      inner.data.set(id, JSON.stringify({ ...inner.peek(id), userId: 'confidential-user', role: 'confidential-role' }))
      known.push(id, browser.cookie('sessionId')!)
      clock.tick(2 * minute)
      if (fault) store.plan[fault].push(kind)
      await browser.get('/me')
      clock.tick(30 * minute)
      if (fault) store.plan[fault].push(kind)
      await browser.navigate('/me')
      await browser.get('/session-timeout')
      store.plan.get.length = store.plan.set.length = store.plan.destroy.length = 0
    }
  }
  const text = logs.map(line => JSON.stringify(line)).join('\n')
  t.match(text, 'session timed out')
  for (const one of known) t.notOk(text.includes(one), one.slice(0, 12))
})
