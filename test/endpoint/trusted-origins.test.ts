import { connect, type AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp } from '../helpers/app.js'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

const url = '/session-timeout'
const trustedOrigins = ['https://app.example', 'http://localhost:5173']

t.test('pages of a trusted origin may extend and sign out', async t => {
  for (const headers of [
    { origin: 'https://app.example' },
    { origin: 'https://app.example', 'sec-fetch-site': 'same-site' },
    { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'http://localhost:5173', 'sec-fetch-site': 'cross-site' }
  ]) {
    await t.test(JSON.stringify(headers), async t => {
      const { browser, clock, store } = await openScene(t, { timeout: { endpoint: url, trustedOrigins } })
      clock.tick(10 * minute)
      t.match((await browser.post(url, {}, headers)).json(), { active: true, remaining: 30 * minute })
      t.equal((await browser.request({ method: 'DELETE', url, headers })).statusCode, 204)
      t.same(store.sessions(), [])
    })
  }
})

t.test('those of any other origin may not, however alike', async t => {
  const { browser, store } = await openScene(t, { timeout: { endpoint: url, trustedOrigins } })
  const origins = [
    'http://app.example', 'https://app.example:8443', 'https://app.example.evil.example', 'https://evil-app.example', 'https://x.app.example',
    'https://app.example@evil.example', 'null', '', 'app.example', 'https://localhost:5173', 'http://localhost:5174', 'https://app.example/path'
  ]
  for (const origin of origins) {
    for (const site of [{}, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      const headers = { host: 'api.example', origin, ...site }
      for (const method of ['POST', 'DELETE'] as const) {
        const page = await browser.request({ method, url, headers })
        t.equal(page.statusCode, 403, `${method} ${JSON.stringify(headers)}`)
      }
    }
  }
  const nameless = { 'sec-fetch-site': 'cross-site' }
  t.equal((await browser.post(url, {}, nameless)).statusCode, 403, 'nor one that does not say who it is')
  t.equal(store.sessions().length, 1)
})

t.test('pages of the own origin need no trust', async t => {
  const { browser } = await openScene(t, { timeout: { endpoint: url, trustedOrigins } })
  t.equal((await browser.post(url, {}, { 'sec-fetch-site': 'same-origin', origin: 'http://localhost' })).statusCode, 200)
  t.equal((await browser.post(url, {}, { origin: 'http://localhost' })).statusCode, 200)
})

t.test('without any, other origins are refused as ever', async t => {
  for (const trusted of [undefined, []]) {
    await t.test(String(trusted), async t => {
      const { browser } = await openScene(t, { timeout: { endpoint: url, ...(trusted && { trustedOrigins: trusted }) } })
      t.equal((await browser.post(url, {}, { origin: 'https://app.example' })).statusCode, 403)
    })
  }
})

t.test('an origin that no browser sends is refused at registration', async t => {
  const refused: unknown[] = [
    'https://app.example', ['app.example'], ['*'], ['null'], [''], ['https://app.example/path'], ['https://*.example'], ['ftp://app.example'],
    ['https://user@app.example'], ['https://app.example?x'], [1], [null], {}, null, true
  ]
  for (const value of refused) {
    await t.rejects(buildApp(t, { timeout: { endpoint: url, trustedOrigins: value } as FastifySessionTimeoutOptions }),
      { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /^trustedOrigins/ }, JSON.stringify(value))
  }
})

/** What inject does not let through: a Host that is no host. */
function raw (app: FastifyInstance, method: string, cookie: string, host: string | undefined, origin: string): Promise<number> {
  const { port } = app.server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const lines = [`${method} ${url} HTTP/1.1`, ...(host === undefined ? [] : [`Host: ${host}`]), `Origin: ${origin}`, `Cookie: sessionId=${cookie}`, 'Connection: close', 'Content-Length: 0']
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    })
    let answer = ''
    socket.on('data', chunk => { answer += String(chunk) })
    socket.on('end', () => resolve(Number(answer.split(' ')[1])))
    socket.on('error', reject)
  })
}

t.test('where the Host cannot be read, a page of an opaque origin is refused', async t => {
  const { app, browser, store } = await openScene(t, { timeout: { endpoint: url } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const cookie = browser.cookie('sessionId')!
  for (const host of ['', '[', 'a b', ':', '%', 'x:y:z', '//']) {
    for (const origin of ['null', 'rubbish', 'http://[', 'https://evil.example']) {
      for (const method of ['POST', 'DELETE']) {
        const status = await raw(app, method, cookie, host, origin)
        t.ok(status === 403 || status === 400, `${method}, Host ${JSON.stringify(host)}, Origin ${origin}: ${status}`)
      }
    }
  }
  t.equal(store.sessions().length, 1, 'and nobody was signed out')
})
