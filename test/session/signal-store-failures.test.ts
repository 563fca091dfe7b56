import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { settle as quiet } from '../helpers/scene.js'
import { minute, second } from '../helpers/time.js'
import { forgetEntries, lines, setScene, settle, signalOf, timers } from './streams.js'

t.test('connections stay open while the store is down, until the deadline', async t => {
  for (const fault of ['error', 'throw', 'reject'] as const) {
    await t.test(`(${fault}) connections are kept until the deadline last known, then they end`, async t => {
      const clock = fakeClock(t, { timers: true })
      const { app, browser, store, kept, logs, open, requests, timeouts } = await setScene(t)
      const responses = [await open(), await open()]
      store.always.get = fault
      await clock.run(10 * minute - 1)
      await quiet()
      t.equal(signalOf(requests[0]).aborted, false)
      await clock.run(1)
      await settle(() => responses.every(response => response.closed))
      t.match(signalOf(requests[0]).reason, { reason: 'idle' })
      t.match(lines(logs, 'open connections not checked'), [{ level: 50, err: { type: 'StoreDownError' } }], 'one line')
      t.equal(timers(), 0)
      t.strictSame(timeouts, [])
      t.equal(kept.sessions().length, 1)

      store.always.get = 'ok'
      t.match((await createBrowser(app).request({ url: '/me', headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })).json(), { userId: null, ended: 'idle' })
      t.equal(timeouts.length, 1, 'the next request ends it')
      t.strictSame(kept.sessions(), [])
    })
  }

  await t.test('(no answer) connections are kept until the deadline last known, then they end', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, logs, open, requests, timeouts } = await setScene(t)
    const response = await open()
    store.always.get = 'hang'
    await clock.run(10 * minute - 1)
    await quiet()
    t.equal(signalOf(requests[0]).aborted, false)
    t.equal(store.held, 19, 'it is asked again every 30 s')
    await clock.run(second)
    await quiet()
    t.equal(signalOf(requests[0]).aborted, false, 'it may still answer')
    await clock.run(1)
    await settle(() => response.closed)
    t.match(signalOf(requests[0]).reason, { reason: 'idle' })
    t.equal(lines(logs, 'open connections not checked').length, 1)
    store.release()
    await quiet()
    t.equal(kept.sessions().length, 1)
    t.strictSame(timeouts, [], 'a late answer changes nothing')
    t.equal(timers(), 0)
  })

  for (const operation of ['get', 'destroy'] as const) {
    await t.test(`(no answer to ${operation} at the deadline) connections end within a second`, async t => {
      const clock = fakeClock(t, { timers: true })
      const { store, kept, open, requests, timeouts } = await setScene(t)
      const response = await open()
      await clock.run(10 * minute - 1)
      store.always[operation] = 'hang'
      await clock.run(1 * second)
      await quiet()
      t.equal(signalOf(requests[0]).aborted, false, 'it may still answer')
      await clock.run(1)
      await settle(() => response.closed)
      t.match(signalOf(requests[0]).reason, { reason: 'idle' })
      t.equal(kept.sessions().length, 1)
      t.strictSame(timeouts, [])
      await forgetEntries(clock)
      t.equal(timers(), 0)
    })
  }

  await t.test('a store that comes back is believed', async t => {
    const clock = fakeClock(t, { timers: true })
    const { browser, store, logs, open, requests } = await setScene(t)
    await open()
    for (let outage = 1; outage <= 2; outage++) {
      store.always.get = 'error'
      await clock.run(2 * minute)
      await settle(() => lines(logs, 'open connections not checked').length === outage)
      store.always.get = 'ok'
      await clock.run(30 * second)
      await quiet()
    }
    await browser.get('/me')
    await clock.run(10 * minute - 1)
    await quiet()
    t.equal(signalOf(requests[0]).aborted, false)
    t.equal(lines(logs, 'open connections not checked').length, 2, 'one line an outage')
  })

  await t.test('a session that cannot be destroyed still ends its connections', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, logs, open, requests, timeouts } = await setScene(t)
    const response = await open()
    store.always.destroy = 'error'
    await clock.run(10 * minute)
    await settle(() => response.closed)
    t.match(signalOf(requests[0]).reason, { reason: 'idle' })
    t.match(lines(logs, 'open connections not checked'), [{ err: { name: 'StoreDownError', message: 'destroy' } }])
    t.equal(kept.sessions().length, 1)
    t.strictSame(timeouts, [])
  })
})

t.test('an activity that races the end keeps the connection', async t => {
  const clock = fakeClock(t, { timers: true })
  const { browser, store, open, requests, timeouts } = await setScene(t)
  await open()
  await clock.run(10 * minute - 1)
  await quiet()
  // The watcher reads the session as idle; before it acts, an activity of a millisecond ago is stored.
  store.plan.set.push('hang')
  const activity = browser.get('/me')
  await settle(() => store.held === 1)
  await clock.run(1)
  await quiet()
  store.release()
  t.equal((await activity).json().userId, 'ada')
  await quiet()
  t.equal(signalOf(requests[0]).aborted, false)
  t.strictSame(timeouts, [])
  await clock.run(10 * minute)
  await settle(() => signalOf(requests[0]).aborted)
  t.equal(timeouts.length, 1)
})

t.test('an onTimeout that throws is logged, for there is no response to carry it', async t => {
  const clock = fakeClock(t, { timers: true })
  const { logs, kept, open, requests } = await setScene(t, { onTimeout: () => { throw new Error('audit is full') } })
  await open()
  await clock.run(10 * minute)
  await settle(() => lines(logs, 'onTimeout failed').length > 0)
  t.match(lines(logs, 'onTimeout failed'), [{ level: 50, err: { message: 'audit is full' } }])
  t.ok(signalOf(requests[0]).aborted)
  t.strictSame(kept.sessions(), [])
})
