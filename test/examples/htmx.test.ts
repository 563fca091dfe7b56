import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { buildExample } from './example.js'

const htmx = { 'hx-request': 'true', 'hx-current-url': 'http://app.example/?list=2', host: 'app.example', 'content-type': 'application/x-www-form-urlencoded' }

t.test('htmx is told where to go, and the sign-in page why', async t => {
  const clock = fakeClock(t)
  const browser = createBrowser(await buildExample(t, 'htmx.js', 'buildHtmx'))
  t.same((await browser.navigate('/')).hops, ['/login'])
  t.match((await browser.navigate('/login?returnTo=/', { method: 'POST' })).body, 'Notes of Ada')
  t.match((await browser.post('/notes', 'note=<b>', htmx)).body, '<li>&#60;b&#62;</li>')
  for (let at = 0; at < 60; at += 20) {
    t.equal((await browser.get('/news', htmx)).statusCode, 200)
    clock.tick(20 * second)
  }
  const ended = await browser.post('/notes', 'note=late', htmx)
  t.equal(ended.statusCode, 401)
  t.equal(ended.headers['hx-redirect'], '/login?returnTo=%2F%3Flist%3D2&reason=idle')
  const page = await browser.navigate(ended.headers['hx-redirect'] as string)
  t.match(page.body, 'You were signed out because you were inactive')
  t.notMatch((await browser.navigate('/login?returnTo=/', { method: 'POST' })).body, 'late', 'nothing was done for the ended session')
})
