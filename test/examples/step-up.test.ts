import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { buildExample } from './example.js'

const password = 'correct horse battery staple'

t.test('who signed in a while ago confirms it before a transfer, and stays signed in meanwhile', async t => {
  const clock = fakeClock(t)
  const browser = createBrowser(await buildExample(t, 'step-up.js', 'buildStepUp'))
  t.equal((await browser.post('/transfer')).statusCode, 401, 'a visitor')
  await browser.post('/sign-in')
  clock.tick(5 * minute - 1)
  t.same((await browser.post('/transfer')).json(), { transferred: true })
  clock.tick(1)
  const refused = await browser.post('/transfer')
  t.equal(refused.statusCode, 401)
  t.match(refused.json(), { code: 'FST_SESSION_TIMEOUT_STALE' })
  t.match(refused.headers['www-authenticate'], /error="insufficient_user_authentication", max_age=300$/)
  t.same((await browser.get('/balance')).json(), { balance: 1234 })

  t.equal((await browser.post('/confirm', { password: 'wrong' })).statusCode, 403)
  t.equal((await browser.post('/transfer')).statusCode, 401)
  t.same((await browser.post('/confirm', { password })).json(), { confirmed: true })
  t.same((await browser.post('/transfer')).json(), { transferred: true })
})

t.test('a request that is sent to confirm extends nothing', async t => {
  const clock = fakeClock(t)
  const browser = createBrowser(await buildExample(t, 'step-up.js', 'buildStepUp'))
  await browser.post('/sign-in')
  clock.tick(29 * minute)
  t.equal((await browser.post('/transfer')).statusCode, 401)
  clock.tick(minute)
  t.match((await browser.get('/balance')).json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
})
