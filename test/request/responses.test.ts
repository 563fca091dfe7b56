import { Readable } from 'node:stream'
import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, navigation, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const routes: NonNullable<AppOptions['routes']> = app => {
  app.get('/throws', async () => { throw new Error('broken') })
  app.get('/teapot', async () => { throw Object.assign(new Error('short and stout'), { statusCode: 418 }) })
  app.get('/stream', (_request, reply) => reply.type('text/plain').send(Readable.from(['a', 'b', 'c'])))
  app.get('/hijack', (_request, reply) => {
    reply.hijack()
    reply.raw.end('raw')
  })
  app.options('/me', async (_request, reply) => reply.code(204).header('access-control-allow-origin', 'https://app.example').send())
  app.get('/empty', async (_request, reply) => reply.code(204).send())
  app.get('/buffer', async () => Buffer.from('bytes'))
  app.get('/typed', { schema: { response: { 200: { type: 'object', properties: { a: { type: 'number' } } } } } }, async () => ({ a: 1, b: 2 }))
  app.get('/callback', (_request, reply) => { setImmediate(() => reply.send('later')) })
}

const hosts: Array<NonNullable<AppOptions['session']>> = [{}, { rolling: true }, { store: new JsonStore() }, { store: new JsonStore(), rolling: true, saveUninitialized: true }]

async function signIn (t: Parameters<typeof buildApp>[0], options: AppOptions): Promise<Browser> {
  const { app } = await buildApp(t, { routes, ...options })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  return browser
}

function check (t: Parameters<typeof buildApp>[0], page: Page, status: number, body: string | RegExp, name: string): void {
  t.equal(page.statusCode, status, name)
  if (typeof body === 'string') t.equal(page.body, body)
  else t.match(page.body, body)
  t.ok(page.setCookies.filter(line => line.startsWith('sessionId=')).length <= 1, 'one line at most')
  t.notMatch(page.setCookies.filter(line => !line.startsWith('sessionId=;')).join(), /expires|max-age/i)
}

t.test('a live session, touched or not, leaves every kind of response as it is', async t => {
  const clock = fakeClock(t)
  for (const session of hosts) {
    const browser = await signIn(t, { session, timeout: { appliesTo: signedIn, afterTimeout: 'unauthorized' } })
    for (const step of [0, 5 * minute]) {
      const get = async (url: string): Promise<Page> => {
        clock.tick(step)
        return await browser.get(url)
      }
      check(t, await get('/throws'), 500, '{"statusCode":500,"error":"Internal Server Error","message":"broken"}', 'an error of the handler')
      check(t, await get('/teapot'), 418, '{"statusCode":418,"error":"I\'m a Teapot","message":"short and stout"}', 'an error with a status')
      check(t, await get('/nowhere'), 404, '{"message":"Route GET:/nowhere not found","error":"Not Found","statusCode":404}', 'a 404')
      check(t, await get('/stream'), 200, 'abc', 'a stream')
      check(t, await get('/hijack'), 200, 'raw', 'a hijacked reply')
      check(t, await get('/empty'), 204, '', 'an empty response')
      check(t, await get('/buffer'), 200, 'bytes', 'a buffer')
      check(t, await get('/typed'), 200, '{"a":1}', 'a serialised one')
      check(t, await get('/callback'), 200, 'later', 'a late one')
      clock.tick(step)
      check(t, await browser.request({ method: 'HEAD', url: '/buffer' }), 200, '', 'HEAD')
      check(t, await browser.request({ method: 'OPTIONS', url: '/me' }), 204, '', 'OPTIONS')
      check(t, await browser.request({ method: 'POST', url: '/me', headers: { 'content-type': 'application/json' }, payload: '{' }), 400, /^{"statusCode":400,.*JSON/, 'a body that cannot be parsed')
    }
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
})

t.test("an ended session with 'continue' leaves every kind of response as it is", async t => {
  const clock = fakeClock(t)
  for (const session of hosts) {
    for (const [url, status, body] of [['/teapot', 418, undefined], ['/nowhere', 404, undefined], ['/stream', 200, 'abc'], ['/hijack', 200, 'raw'], ['/empty', 204, ''], ['/callback', 200, 'later']] as const) {
      const browser = await signIn(t, { session, timeout: { appliesTo: signedIn } })
      clock.tick(30 * minute)
      const page = await browser.get(url)
      check(t, page, status, body ?? page.body, `${url} ended`)
    }
  }
})

t.test('an ended session is answered on every kind of route', async t => {
  const clock = fakeClock(t)
  const browser = await signIn(t, { timeout: { appliesTo: signedIn, afterTimeout: { redirectTo: '/login' } } })
  clock.tick(30 * minute)
  for (const url of ['/throws', '/nowhere', '/stream', '/hijack', '/empty']) {
    t.equal((await browser.clone().get(url)).statusCode, 401, url)
    t.equal((await browser.clone().request({ url, headers: navigation })).statusCode, 303, url)
  }
  const head = await browser.clone().request({ method: 'HEAD', url: '/buffer', headers: navigation })
  t.equal(head.statusCode, 303)
  t.equal(head.body, '')
})

t.test('a CORS preflight, which brings no cookie, is never answered by the plugin', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { routes, timeout: { appliesTo: signedIn, afterTimeout: 'unauthorized' } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  const response = await app.inject({ method: 'OPTIONS', url: '/me', headers: { origin: 'https://app.example', 'access-control-request-method': 'GET', 'sec-fetch-mode': 'cors' } })
  t.equal(response.statusCode, 204)
  t.equal(response.headers['set-cookie'], undefined)
})

t.test('a body that cannot be parsed is still a 400 of Fastify', async t => {
  const clock = fakeClock(t)
  const browser = await signIn(t, { timeout: { appliesTo: signedIn } })
  clock.tick(5 * minute)
  const page = await browser.request({ method: 'POST', url: '/sign-in', headers: { 'content-type': 'application/json' }, payload: '{' })
  t.equal(page.statusCode, 400)
  t.equal(page.setCookies.length, 1, 'the touch sends the cookie')
  t.notMatch(page.setCookies[0], /expires|max-age/i)
})
