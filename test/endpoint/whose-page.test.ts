import t from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { minute } from '../helpers/time.js'
import { fakeClock } from '../helpers/clock.js'

const url = '/session-timeout'
const user = (session: { userId?: string }): string | undefined => session.userId
const routes: AppOptions['routes'] = app => {
  app.post('/raise', async request => { await request.session.regenerate(['userId']) })
  app.post('/restart', async request => request.sessionTimeout.restart())
}

/** The tag that a page was told when it was loaded. */
function tagOf (page: Page): string | undefined {
  return /;desc="([^"]+)"$/.exec(String(page.headers['server-timing']))?.[1]
}

async function ask (browser: Browser, tag: string | undefined): Promise<Record<string, unknown>> {
  return (await browser.get(`${url}?page=${encodeURIComponent(tag!)}`)).json()
}

t.test('a page is told whose it is when it is loaded, differently every time', async t => {
  const { app } = await buildApp(t, { timeout: { user, endpoint: url }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const frame = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }
  const tags = [
    tagOf(await browser.navigate('/me')),
    tagOf(await browser.navigate('/me')),
    tagOf(await browser.get('/me', frame)),
    tagOf(await browser.get('/me', { accept: 'text/html' })),
    (await browser.get(url)).json().page
  ]
  t.equal(new Set(tags).size, tags.length)
  for (const tag of tags) t.match(await ask(browser, tag), { active: true, yours: true, page: null })
  for (const page of [await browser.get('/me'), await browser.post('/restart'), await browser.post('/raise')]) {
    t.equal(tagOf(page), undefined, 'not in what scripts ask for')
  }
})

t.test('the tag holds no user and no session id', async t => {
  const { app } = await buildApp(t, { timeout: { user, endpoint: url } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const { sessionId } = (await browser.get('/me')).json()
  const tag = tagOf(await browser.navigate('/me'))!
  for (const text of [tag, Buffer.from(tag, 'base64url').toString(), Buffer.from(tag.slice(16), 'base64url').toString()]) {
    t.notMatch(text, 'ada')
    t.notMatch(text, sessionId)
  }
})

t.test('a page stays its user\'s when the session is exchanged, ends, or begins again', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { user, endpoint: url }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const tag = tagOf(await browser.navigate('/me'))
  await browser.post('/raise')
  t.match(await ask(browser, tag), { active: true, yours: true }, 'regenerate()')
  clock.tick(31 * minute)
  t.match(await ask(browser, tag), { active: false, ended: 'idle' })
  await browser.post('/sign-in')
  t.match(await ask(browser, tag), { active: true, yours: true }, 'a new session of the same user')
})

t.test('a page of another user is not yours, and has no say', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { user, endpoint: url }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in?user=ada')
  const tag = tagOf(await browser.navigate('/me'))!
  await browser.post('/sign-in?user=eve')
  t.match(await ask(browser, tag), { active: true, yours: false })
  clock.tick(10 * minute)
  const page = await browser.post(`${url}?page=${tag}`)
  t.equal(page.statusCode, 200)
  t.match(page.json(), { yours: false, idleRemaining: 20 * minute }, 'nothing extended')
  t.match((await browser.post(`${url}?page=${tagOf(await browser.navigate('/me'))}`)).json(), { yours: true, idleRemaining: 30 * minute })
})

t.test('users are told apart by type, too', async t => {
  let id: string | number = 1
  const { app } = await buildApp(t, { timeout: { user: session => session.userId && id, endpoint: url } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const tag = tagOf(await browser.navigate('/me'))
  t.match(await ask(browser, tag), { yours: true })
  id = '1'
  t.match(await ask(browser, tag), { yours: false })
})

t.test('without the option `user` the session takes the user\'s place', async t => {
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn, endpoint: url }, routes })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const tag = tagOf(await browser.navigate('/me'))
  t.match(await ask(browser, tag), { yours: true })
  await browser.post('/restart')
  t.match(await ask(browser, tag), { yours: true }, 'restart() keeps the session')
  await browser.post('/raise')
  t.match(await ask(browser, tag), { yours: false }, 'regenerate() does not')
})

t.test('a malformed tag belongs to no user', async t => {
  const { app } = await buildApp(t, { timeout: { user, endpoint: url } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const tag = tagOf(await browser.navigate('/me'))!
  for (const bad of ['', 'x', tag.slice(1), tag.slice(0, -4), `${tag.slice(0, 16)}`, `${tag}&page=${tag}`, '\u0000', 'é'.repeat(100)]) {
    const page = await browser.get(`${url}?page=${bad === `${tag}&page=${tag}` ? bad : encodeURIComponent(bad)}`)
    t.equal(page.statusCode, 200)
    t.match(page.json(), { active: true, yours: false, page: null }, bad)
  }
})

t.test('tags hold with an older secret, and with a signer that never signs twice alike', async t => {
  const secrets = ['the newer secret, which is long enough to sign with', 'the older secret, which is long enough to sign with']
  const old = await buildApp(t, { session: { secret: secrets[1]! }, timeout: { user, endpoint: url } })
  const fresh = await buildApp(t, { session: { secret: secrets }, timeout: { user, endpoint: url } })
  const before = createBrowser(old.app)
  await before.post('/sign-in')
  const tag = tagOf(await before.navigate('/me'))
  const after = createBrowser(fresh.app)
  await after.post('/sign-in')
  t.match(await ask(after, tag), { yours: true })
  let number = 0
  const signer = {
    sign: (value: string) => `v${++number}.${Buffer.from(value).toString('hex')}`,
    unsign: (value: string) => {
      const hex = /^v\d+\.([\da-f]+)$/.exec(value)?.[1]
      return { valid: hex !== undefined, renew: false, value: hex === undefined ? null : Buffer.from(hex, 'hex').toString() }
    }
  }
  const { app } = await buildApp(t, { session: { secret: signer as never }, timeout: { user, endpoint: url } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.match(await ask(browser, tagOf(await browser.navigate('/me'))), { yours: true })
  t.match(await ask(browser, tag), { yours: false })
})

t.test('a page that a service worker asks for is told whose it is, however it asks', async t => {
  const { app } = await buildApp(t, {
    timeout: { user, endpoint: url },
    routes (app) { app.get('/page', async (_request, reply) => reply.type('text/html').send('<!doctype html>')) }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const handedOn = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'empty' }
  const byFirefox = { 'sec-fetch-mode': 'same-origin', 'sec-fetch-dest': 'empty', accept: 'text/html' }
  for (const headers of [handedOn, byFirefox]) t.ok(tagOf(await browser.get('/me', headers)), JSON.stringify(headers))
  const ahead = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' }
  t.ok(tagOf(await browser.get('/page', ahead)), 'ahead of time, like every fetch')
  t.equal(tagOf(await browser.get('/me', ahead)), undefined, 'what is no page is told nothing')
  const ask = await browser.get(`${url}?page=`)
  t.equal(ask.json().yours, false, 'a page made for somebody, but nobody said for whom, is no user\'s')
})
