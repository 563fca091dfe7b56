import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'

// The Django recipe that this package answers: SESSION_COOKIE_AGE = 2, SESSION_EXPIRE_AT_BROWSER_CLOSE, SESSION_SAVE_EVERY_REQUEST.
const recipe = { idleTimeout: '2s', sessionOnly: true, rolling: true } as const

for (const saveUninitialized of [false, true]) {
  for (const rolling of [false, true]) {
    for (const appliesTo of [undefined, signedIn]) {
      t.test(`the recipe's configuration, with saveUninitialized ${saveUninitialized}, rolling ${rolling} and ${appliesTo ? 'only signed-in' : 'all'} sessions timed`, async t => {
        const clock = fakeClock(t)
        const { app } = await buildApp(t, { session: { saveUninitialized, rolling }, timeout: { ...recipe, ...appliesTo && { appliesTo } } })
        const browser = createBrowser(app)
        const lines: string[] = []
        lines.push(...(await browser.post('/sign-in')).setCookies)
        const old = browser.cookie('sessionId')!

        clock.tick(1999)
        const within = await browser.get('/me')
        lines.push(...within.setCookies)
        t.match(within.json(), { userId: 'ada', ended: null }, 'known within the limit')
        t.equal(browser.cookie('sessionId'), old, 'by the same cookie')

        clock.tick(2000)
        const past = await browser.get('/me')
        lines.push(...past.setCookies.filter(line => !line.startsWith('sessionId=;')))
        t.equal(past.statusCode, 200, 'the request goes on')
        t.match(past.json(), { userId: null, ended: 'idle' }, 'as an anonymous visitor')
        t.notMatch(old, past.json().sessionId, 'with a new session id')

        t.ok(lines.length > 0)
        for (const line of lines) t.match(line, /^sessionId=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)

        const replay = createBrowser(app)
        replay.setCookie('sessionId', old)
        t.equal((await replay.get('/me')).json().userId, null)
      })
    }
  }
}

t.test('a user active every second is never signed out by the idle limit', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { ...recipe, appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let second = 0; second < 60; second++) {
    clock.tick(1000)
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
})

t.test('closing the browser drops the cookie', async t => {
  const { app } = await buildApp(t, { timeout: recipe })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  browser.closeBrowser()
  t.equal(browser.cookie('sessionId'), undefined)
})
