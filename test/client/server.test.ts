import t from 'tap'
import { resolveEndpoint } from '../../client/endpoint.js'
import { createCall } from '../../client/session/server.js'

interface Sent { url: string, init: RequestInit }

t.test('a call sends the expected request, and accepts only a status as an answer', async t => {
  const sent: Sent[] = []
  let response: () => Promise<Response> = async () => new Response()
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  globalThis.fetch = (url, init) => {
    sent.push({ url: String(url), init: init! })
    return response()
  }
  const call = createCall('https://app.example/session-timeout')
  const status = { active: true, remaining: 1000, warnBefore: 500, yours: true }
  const answers: Array<[name: string, response: () => Promise<Response>, code: number, isStatus: boolean]> = [
    ['a status', async () => Response.json(status), 200, true],
    ['a session without limit', async () => Response.json({ ...status, remaining: null }), 200, true],
    ['nobody', async () => Response.json({ ...status, active: false, remaining: null }), 200, true],
    ['no time left, and yet live', async () => Response.json({ ...status, remaining: 0 }), 200, false],
    ['something else', async () => Response.json({ ok: true }), 200, false],
    ['nothing', async () => Response.json(null), 200, false],
    ['HTML', async () => new Response('<!doctype html>'), 200, false],
    ['a refusal', async () => new Response('', { status: 401 }), 401, false],
    ['a redirect', async () => Object.defineProperty(Response.error(), 'type', { value: 'opaqueredirect' }), 401, false],
    ['done', async () => new Response(null, { status: 204 }), 204, false],
    ['no network', async () => { throw new TypeError('Failed to fetch') }, 0, false]
  ]
  for (const [name, give, code, isStatus] of answers) {
    response = give
    const answer = await call('GET', 'a/b')
    t.equal(answer.code, code, name)
    t.equal(answer.status !== undefined, isStatus, name)
  }
  t.equal(sent[0]!.url, 'https://app.example/session-timeout?page=a%2Fb')
  t.match(sent[0]!.init, { method: 'GET', redirect: 'manual', cache: 'no-store', headers: { purpose: 'prefetch' } }, 'a question is no sign of the user')
  await call('POST', null, { idleFor: 5 })
  t.match(sent.at(-1), { url: 'https://app.example/session-timeout', init: { method: 'POST', body: '{"idleFor":5}', headers: { 'content-type': 'application/json' } } })
  t.notHas(sent.at(-1)!.init.headers, { purpose: 'prefetch' })
  const { timeout } = AbortSignal
  t.teardown(() => { AbortSignal.timeout = timeout })
  delete (AbortSignal as { timeout?: unknown }).timeout
  t.equal((await call('GET', null)).code, 0, 'a browser without it calls all the same')
  t.equal(sent.at(-1)!.init.signal, null)
})

t.test('the endpoint is an address', async t => {
  const location = Object.getOwnPropertyDescriptor(globalThis, 'location')
  t.teardown(() => location ? Object.defineProperty(globalThis, 'location', location) : Reflect.deleteProperty(globalThis, 'location'))
  Object.defineProperty(globalThis, 'location', { value: new URL('https://app.example/a/page?b#c'), configurable: true })
  t.equal(resolveEndpoint('/x/session-timeout').href, 'https://app.example/x/session-timeout')
  t.equal(resolveEndpoint('/session-timeout/').href, 'https://app.example/session-timeout')
  t.equal(resolveEndpoint('https://api.example/session-timeout').href, 'https://api.example/session-timeout')
  for (const wrong of [undefined, null, '', 'session-timeout', './x', '//evil.example/x', '/x?y', '/x#y', 5, Symbol('x')]) t.throws(() => resolveEndpoint(wrong), TypeError)
})
