import t, { type Test } from 'tap'
import formbody from '@fastify/formbody'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { openScene, type SceneOptions } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

const url = '/session-timeout'

const contentTypes = [
  'application/json', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded', 'text/plain', 'text/plain;charset=UTF-8',
  'multipart/form-data; boundary=x', 'application/xml', 'application/octet-stream', 'rubbish', '', ';', 'application/json; charset=nonsense'
]

function open (t: Test, options: SceneOptions = {}) {
  return openScene(t, { ...options, timeout: { endpoint: url, ...options.timeout } })
}

async function isSignedIn (browser: Browser): Promise<boolean> {
  return (await browser.clone().get('/me')).json().userId === 'ada'
}

for (const contentType of contentTypes) {
  for (const length of [{}, { 'content-length': '0' }]) {
    t.test(`no body under content-type ${JSON.stringify(contentType)} ${JSON.stringify(length)}`, async t => {
      const { browser, clock, store, id } = await open(t)
      const headers = { 'content-type': contentType, ...length }
      clock.tick(10 * minute)
      const extended = await browser.request({ method: 'POST', url, headers })
      t.equal(extended.statusCode, 200, 'extends')
      t.match(extended.json(), { active: true, remaining: 30 * minute })
      t.match(store.peek(id), { sessionTimeout: { lastActivity: clock.now() } })
      const stale = browser.clone()
      const out = await browser.request({ method: 'DELETE', url, headers })
      t.equal(out.statusCode, 204, 'signs out')
      t.same(store.sessions(), [])
      t.notOk(await isSignedIn(stale))
    })
  }
}

t.test('a sign-out works with any body at all', async t => {
  const bodies: Array<[contentType: string, payload: string]> = [
    ['application/json', '{}'], ['application/json', '{'], ['application/json', 'null'], ['application/json', '[]'],
    ['application/x-www-form-urlencoded', 'a=b'], ['text/plain', 'bye'], ['application/xml', '<a/>'], ['rubbish', 'rubbish']
  ]
  for (const [contentType, payload] of bodies) {
    await t.test(`${contentType} ${payload}`, async t => {
      const { browser, store } = await open(t)
      const page = await browser.request({ method: 'DELETE', url, payload, headers: { 'content-type': contentType } })
      t.equal(page.statusCode, 204)
      t.same(store.sessions(), [])
    })
  }
})

t.test('an empty form of an application that reads forms is no report either', async t => {
  const { browser, clock, store } = await open(t, { before: app => { app.register(formbody) } })
  clock.tick(10 * minute)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  t.match((await browser.request({ method: 'POST', url, headers })).json(), { active: true, remaining: 30 * minute })
  t.match((await browser.request({ method: 'POST', url, payload: '', headers })).json(), { active: true })
  t.equal((await browser.request({ method: 'DELETE', url, payload: 'x=1', headers })).statusCode, 204)
  t.same(store.sessions(), [])
})

t.test('the body parsers of the application stay as they were outside the endpoint', async t => {
  const { app } = await open(t, { routes: app => { app.post('/echo', async request => ({ body: request.body ?? null })) } })
  const post = (contentType: string, payload: string) => app.inject({ method: 'POST', url: '/echo', payload, headers: { 'content-type': contentType } })
  t.equal((await post('application/json', '')).statusCode, 400)
  t.equal((await post('application/x-www-form-urlencoded', 'a=b')).statusCode, 415)
  t.same((await post('text/plain', 'text')).json(), { body: 'text' })
  t.same((await post('application/json', '{"a":1}')).json(), { body: { a: 1 } })
})

t.test('a report of null says nothing, and extends from now', async t => {
  const { browser, clock } = await open(t)
  clock.tick(10 * minute)
  const headers = { 'content-type': 'application/json' }
  t.match((await browser.request({ method: 'POST', url, payload: 'null', headers })).json(), { active: true, remaining: 30 * minute })
})

t.test('a report is still read', async t => {
  const { browser, clock } = await open(t)
  clock.tick(10 * minute)
  t.match((await browser.post(url, { idleFor: 4 * minute })).json(), { remaining: 26 * minute })
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  t.match((await browser.request({ method: 'POST', url, payload: '{"idleFor":0}', headers })).json(), { remaining: 30 * minute })
})

t.test('the limits of the endpoint hold whatever the type of an empty body', async t => {
  const { app } = await open(t)
  for (const contentType of contentTypes) {
    const headers = { 'content-type': contentType, 'sec-fetch-site': 'cross-site' }
    for (const method of ['POST', 'DELETE'] as const) {
      t.equal((await createBrowser(app).request({ method, url, headers })).statusCode, 403, `${method} ${contentType}`)
    }
  }
})
