import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import websocket from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { WebSocket } from 'ws'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { forgetEntries, setScene, settle, signalOf, timers } from './streams.js'

t.test('a request has one signal', async t => {
  fakeClock(t, { timers: true })
  const { open, requests } = await setScene(t)
  await open()
  t.equal(requests[0]!.sessionTimeout.signal, requests[0]!.sessionTimeout.signal)
})

t.test('without a live session the signal has aborted already', async t => {
  const clock = fakeClock(t, { timers: true })
  const reasons: unknown[] = []
  const { app, browser, kept } = await setScene(t, {}, app => {
    for (const [url, config] of [['/signal', {}], ['/signal-unchecked', { sessionTimeout: false }]] as const) {
      app.get(url, { config }, async request => {
        const { signal } = request.sessionTimeout
        reasons.push(signal.aborted && signal.reason.reason)
      })
    }
  })
  const visitor = createBrowser(app)
  await visitor.get('/signal')
  t.equal(reasons.pop(), 'missing', 'a visitor')
  visitor.setCookie('sessionId', 'forged')
  await visitor.get('/signal')
  t.equal(reasons.pop(), 'missing', 'a forged cookie')
  await browser.get('/signal-unchecked')
  t.equal(reasons.pop(), 'missing', 'a route that is not checked')
  await browser.get('/signal')
  t.equal(reasons.pop(), false, 'a live one has not')
  const late = browser.clone()
  clock.tick(10 * minute)
  await late.get('/signal')
  t.equal(reasons.pop(), 'idle', 'one that has just ended')
  kept.data.clear()
  await forgetEntries(clock)
  t.equal(timers(), 0)
})

t.test('a signal that is first read while the server closes says so', async t => {
  fakeClock(t, { timers: true })
  const requests: FastifyRequest[] = []
  const reasons: unknown[] = []
  const { app, browser } = await setScene(t, {}, app => {
    app.get('/job', async request => { requests.push(request) })
    app.addHook('onClose', async () => { reasons.push(signalOf(requests[0]).reason) })
  })
  await browser.get('/job')
  await app.close()
  t.match(reasons, [{ code: 'FST_SESSION_TIMEOUT_CLOSING', statusCode: 503 }])
})

t.test('a WebSocket has a signal for as long as it is open', async t => {
  const clock = fakeClock(t, { timers: true })
  const signals: AbortSignal[] = []
  const { app, browser, kept, timeouts } = await setScene(t, {}, async app => {
    await app.register(websocket)
    app.get('/socket', { websocket: true }, (socket, request) => {
      const { signal } = request.sessionTimeout
      signals.push(signal)
      signal.addEventListener('abort', () => socket.close(1008, 'session ended'))
    })
  })
  const { port } = app.server.address() as AddressInfo
  const headers = { cookie: `sessionId=${browser.cookie('sessionId')}` }
  const [first, second] = [new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers }), new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers })]
  await Promise.all([once(first, 'open'), once(second, 'open')])
  t.equal(timers(), 1)

  first.terminate()
  await settle(() => first.readyState === WebSocket.CLOSED)
  const closed = once(second, 'close')
  await clock.run(10 * minute)
  const [code, reason] = await closed as [number, Buffer]
  t.strictSame([code, String(reason)], [1008, 'session ended'])
  t.equal(signals[0]!.aborted, false, 'whoever has left is not told')
  t.match(signals[1]!.reason, { reason: 'idle' })
  t.equal(timeouts.length, 1)
  t.strictSame(kept.sessions(), [])
})

t.test('the signal works with what Node has for signals', async t => {
  await t.test('AbortSignal.any', async t => {
    const clock = fakeClock(t, { timers: true })
    const { open, requests } = await setScene(t)
    await open()
    const any = AbortSignal.any([signalOf(requests[0]), new AbortController().signal])
    await clock.run(10 * minute)
    await settle(() => any.aborted)
    t.match(any.reason, { code: 'FST_SESSION_TIMEOUT_ENDED' })
  })

  await t.test('stream.pipeline', async t => {
    const clock = fakeClock(t, { timers: true })
    const { open, requests } = await setScene(t)
    await open()
    const source = new Readable({ read () {} })
    const piped = pipeline(source, new PassThrough(), { signal: signalOf(requests[0]) })
    const rejected = t.rejects(piped, { name: 'AbortError', cause: { code: 'FST_SESSION_TIMEOUT_ENDED' } })
    await clock.run(10 * minute)
    await rejected
    t.ok(source.destroyed)
  })

  await t.test('fetch', async t => {
    const clock = fakeClock(t, { timers: true })
    const { browser, open, requests } = await setScene(t)
    await open()
    const upstream = createServer((_request: IncomingMessage, response: ServerResponse) => { response.write('never ends') })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    t.teardown(() => upstream.close())
    const response = await fetch(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`, { signal: signalOf(requests[0]) })
    const rejected = t.rejects(response.text(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
    await clock.run(minute)
    await browser.post('/sign-out')
    await rejected
    await t.rejects(fetch('http://127.0.0.1', { signal: signalOf(requests[0]) }), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  })
})
