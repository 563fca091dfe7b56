import t from 'tap'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { buildExample } from './example.js'

function signIn (browser: Browser, password = 'lovelace', url = '/login'): Promise<Page> {
  return browser.navigate(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: new URLSearchParams({ username: 'ada', password }).toString() })
}

t.test('the passport example signs in with a password, out after a minute, and back to the page the user came from', async t => {
  const clock = fakeClock(t)
  const browser = createBrowser(await buildExample(t, 'passport.js', 'buildPassport'))
  t.same((await browser.navigate('/')).hops, ['/login'])
  t.match((await signIn(browser, 'wrong')).body, '<p role="alert">That is not right.</p>')
  t.match((await signIn(browser)).body, '<h1>Hello, ada</h1>')
  clock.tick(59 * second)
  t.match((await browser.navigate('/')).body, '<h1>Hello, ada</h1>')
  clock.tick(60 * second)
  const ended = await browser.navigate('/?page=2')
  t.same(ended.hops, ['/login?returnTo=%2F%3Fpage%3D2&reason=idle'])
  t.match(ended.body, /<p role="alert">You were signed out because you were inactive/)
  t.same((await signIn(browser, 'lovelace', '/login?returnTo=%2F%3Fpage%3D2')).hops, ['/?page=2'])
})

t.test('a cookie of yesterday costs no password, and signing out ends the session', async t => {
  const clock = fakeClock(t)
  const browser = createBrowser(await buildExample(t, 'passport.js', 'buildPassport'))
  await signIn(browser)
  clock.tick(61 * second)
  t.match((await signIn(browser)).body, '<h1>Hello, ada</h1>')
  const thief = browser.clone()
  await browser.navigate('/logout', { method: 'POST' })
  t.same((await thief.navigate('/')).hops, ['/login'])
})
