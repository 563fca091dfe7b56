import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import t from 'tap'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { settle as quiet } from '../helpers/scene.js'
import { minute, second } from '../helpers/time.js'
import { forgetEntries, setScene, settle, signalOf, timers } from './streams.js'

t.test('connections that have closed are released', async t => {
  await t.test('when their clients leave', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, open } = await setScene(t)
    const responses = [await open(), await open(), await open()]
    responses[0]!.destroy()
    responses[1]!.destroy()
    await settle(() => timers() === 1 + 1)
    t.equal(timers(), 2, 'the third still ticks, and is watched')
    responses[2]!.destroy()
    await settle(() => timers() === 0)
    t.equal(timers(), 0)
    store.counts.get = 0
    await clock.run(60 * minute)
    t.equal(store.counts.get, 0)
  })

  await t.test('when their responses are complete', async t => {
    fakeClock(t, { timers: true })
    const { browser } = await setScene(t, {}, app => {
      app.get('/short', async request => ({ aborted: request.sessionTimeout.signal.aborted }))
    })
    t.strictSame((await browser.get('/short')).json(), { aborted: false })
    t.equal(timers(), 0)
  })

  await t.test('when their clients have left before the signal is asked for', async t => {
    fakeClock(t, { timers: true })
    let proceed: () => void
    const left = new Promise<void>(resolve => { proceed = resolve })
    let aborted: boolean | undefined
    const { app, browser } = await setScene(t, {}, app => {
      app.get('/slow', async request => {
        request.raw.socket.once('close', () => proceed())
        await left
        aborted = request.sessionTimeout.signal.aborted
      })
    })
    const request = get({ port: (app.server.address() as AddressInfo).port, path: '/slow', agent: false, headers: { cookie: `sessionId=${browser.cookie('sessionId')}` } })
    request.on('error', () => {})
    const [socket] = await once(app.server, 'request') as [IncomingMessage]
    await quiet()
    request.destroy()
    await once(socket.socket, 'close')
    await settle(() => aborted !== undefined)
    t.equal(aborted, true, 'there is nobody whom it could serve')
    t.equal(timers(), 0)
  })

  await t.test('when the last one leaves during a lookup and another one comes', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, open, requests, timeouts } = await setScene(t)
    const first = await open()
    store.plan.get.push('hang')
    await clock.run(30 * second)
    await settle(() => store.held === 1)
    first.destroy()
    await settle(() => timers() === 1)
    t.equal(timers(), 1, 'the patience with the store')
    const next = await open()
    store.release()
    await settle(() => timers() === 3)
    t.equal(timers(), 3, 'one tick, one watch, and one for the clock that is kept beside the session')
    await clock.run(10 * minute)
    await settle(() => next.closed)
    t.ok(signalOf(requests[1]).aborted)
    t.equal(timeouts.length, 1)
    t.strictSame(kept.sessions(), [])
  })

  await t.test('when the last one leaves during a lookup that fails', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, logs, open } = await setScene(t)
    const response = await open()
    store.plan.get.push('hang')
    await clock.run(30 * second)
    await settle(() => store.held === 1)
    response.destroy()
    await settle(() => timers() === 1)
    kept.get = (_id, callback) => callback(new Error('down'))
    store.release()
    await quiet()
    t.strictSame(logs.filter(({ level }) => level >= 40), [], 'nobody is there whom it concerns')
    t.equal(timers(), 0)
  })

  await t.test('when the last one leaves while its session is being ended', async t => {
    const clock = fakeClock(t, { timers: true })
    const { store, kept, open, timeouts } = await setScene(t)
    const response = await open()
    store.plan.destroy.push('hang')
    await clock.run(10 * minute)
    await settle(() => store.held === 1)
    response.destroy()
    await settle(() => timers() === 2)
    store.release()
    await settle(() => timeouts.length === 1)
    t.equal(timeouts.length, 1)
    t.strictSame(kept.sessions(), [])
    await forgetEntries(clock)
    t.equal(timers(), 0)
  })

  await t.test('when the application closes', async t => {
    fakeClock(t, { timers: true })
    const { app, browser, open, requests, store } = await setScene(t)
    const other = createBrowser(app)
    await other.post('/sign-in?user=grace')
    const responses = [await open(), await open(), await open('/stream', other)]
    store.counts.destroy = 0
    await app.close()
    await settle(() => responses.every(response => response.closed))
    t.equal(timers(), 0)
    t.match(signalOf(requests[0]).reason, { code: 'FST_SESSION_TIMEOUT_CLOSING', statusCode: 503 }, 'the sessions live on')
    t.equal(store.counts.destroy, 0)
    t.ok(browser.cookie('sessionId'))
  })

  await t.test('hundreds of times', async t => {
    fakeClock(t, { timers: true })
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => { if (warning.name === 'MaxListenersExceededWarning') warnings.push(warning) }
    process.on('warning', onWarning)
    t.teardown(() => process.removeListener('warning', onWarning))
    const { app, browser, requests } = await setScene(t)
    const { port } = app.server.address() as AddressInfo
    const other = createBrowser(app)
    await other.post('/sign-in?user=grace')
    await batch()
    requests.length = 0
    const before = queryObjects(AbortSignal, { format: 'count' })
    for (let round = 0; round < 3; round++) {
      await batch()
      requests.length = 0
    }
    t.equal(timers(), 0)
    t.strictSame(warnings, [])
    t.ok(queryObjects(AbortSignal, { format: 'count' }) <= before + 5, 'no signal is kept by anyone')

    async function batch (): Promise<void> {
      const sockets = await Promise.all(Array.from({ length: 100 }, (_, index) => openSocket(index % 2 ? browser : other)))
      for (const socket of sockets) socket.destroy()
      // A hundred sockets of a busy machine take their time.
      const start = performance.now()
      while (timers() > 0 && performance.now() - start < 20_000) await turn()
    }

    async function openSocket (as: Browser): Promise<Socket> {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET /stream HTTP/1.1\r\nHost: localhost\r\nCookie: sessionId=${as.cookie('sessionId')}\r\n\r\n`)
      await once(socket, 'data')
      return socket
    }
  })
})

t.test('connections of one session share a timer and a lookup', async t => {
  const clock = fakeClock(t, { timers: true })
  const { open, requests, store, timeouts } = await setScene(t)
  const responses: IncomingMessage[] = []
  for (let count = 0; count < 20; count++) responses.push(await open())
  t.equal(timers(), 20 + 1, 'the ticks of the streams, and one')
  store.counts.get = 0
  for (let at = 30; at <= 300; at += 30) {
    await clock.run(30 * second)
    await settle(() => store.counts.get === at / 30)
  }
  t.equal(store.counts.get, 10, 'a lookup each 30 s')
  await clock.run(10 * minute)
  await settle(() => responses.every(response => response.closed))
  t.ok(requests.every(request => signalOf(request).aborted))
  t.equal(store.counts.destroy, 2, 'one for the session, one by regenerate() at sign-in')
  t.equal(timeouts.length, 1)
  await forgetEntries(clock)
  t.equal(timers(), 0)
})
