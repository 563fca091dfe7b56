import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import FakeTimers from '@sinonjs/fake-timers'
import t from 'tap'
import { instant } from '../../client/clock.js'
import { createCall, type Call } from '../../client/session/server.js'
import { runSession } from '../../client/session/run.js'
import { minute, second } from '../helpers/time.js'

// The call is a real one. In a browser a redirect is opaque, and counts as 401: test/browser/harmless.test.ts.
const wrong: Record<string, RequestListener> = {
  404: (_request, response) => { response.writeHead(404).end() },
  'the page of an SPA fallback': (_request, response) => { response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>') },
  302: (_request, response) => { response.writeHead(302, { location: '/login' }).end() },
  401: (_request, response) => { response.writeHead(401).end() },
  429: (_request, response) => { response.writeHead(429, { 'retry-after': '1' }).end() },
  500: (_request, response) => { response.writeHead(500).end() },
  'a dead network': request => { request.socket.destroy() },
  'nonsense in JSON': (_request, response) => { response.writeHead(200, { 'content-type': 'application/json' }).end('{"active":true,"remaining":0,"yours":1,"warnBefore":"soon"}') }
}

for (const [name, answer] of Object.entries(wrong)) {
  t.test(`ten minutes with somebody at work, against an endpoint that answers ${name}: at most 20 requests`, async t => {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${String(request.headers.purpose)}`)
      answer(request, response)
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    t.teardown(() => server.close())
    // What the network does takes no time on the clocks of the page.
    const call = createCall(`http://127.0.0.1:${(server.address() as AddressInfo).port}/session-timeout`)
    const clock = FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
    t.teardown(() => clock.uninstall())
    const pending = new Set<Promise<unknown>>()
    const watched: Call = (...question) => {
      const answered = call(...question)
      pending.add(answered)
      answered.finally(() => pending.delete(answered))
      return answered
    }

    const states = new Set<string>()
    const runner = runSession({ stage: 'live', tag: 'tag', known: { at: instant(), remaining: 5 * minute, warnBefore: 0, canExtend: true, limit: null, proven: false } }, {
      call: watched,
      touchInterval: second,
      isVisible: () => true,
      isUnsaved: () => false,
      show () {},
      leave () {},
      reload () {},
      dispatchEvents: (_before, after) => states.add(after.stage),
      post () {},
      complain () {}
    })
    runner.start()
    for (let at = 0; at < 10 * minute; at += second) {
      // Somebody types, comes and goes, and the page calls its API, whose answers carry the time left.
      runner.act()
      runner.wake(at % minute === 0 ? 'restored' : 'focused')
      runner.noteTimeLeft(5 * minute, instant())
      if (at % minute === 0) runner.hint({ type: 'arrived' })
      await Promise.all(pending)
      await clock.tickAsync(second)
    }
    t.ok(asked.length >= 3 && asked.length <= 20, `${asked.length} requests`)
    t.same(new Set(asked), new Set(['GET prefetch']), 'none of which extends anything')
    t.equal(states.has('ended'), name === '401', 'and only a refusal, after the deadline that the page was told of, is an end')
    runner.stop()
  })
}
