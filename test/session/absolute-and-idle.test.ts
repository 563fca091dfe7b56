import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { hour, minute } from '../helpers/time.js'

t.test('a session is live one millisecond before its idle deadline and ended at it', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { idleTimeout: '30m', appliesTo: signedIn } })
  for (const [after, userId] of [[30 * minute - 1, 'ada'], [30 * minute, null], [30 * minute + 1, null]] as const) {
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    clock.tick(after)
    t.equal((await browser.get('/me')).json().userId, userId, `${after} ms later`)
  }
})

t.test('a user active for 25 hours is ended by the absolute limit', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, { timeout: { appliesTo: signedIn } })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  for (let elapsed = 0; elapsed < 24 * hour - 20 * minute; elapsed += 20 * minute) {
    clock.tick(20 * minute)
    t.equal((await browser.get('/me')).json().userId, 'ada')
  }
  clock.tick(20 * minute)
  t.match((await browser.get('/me')).json(), { userId: null, ended: 'absolute' })
})

t.test('a visitor who signs in three days after the first visit is not ended at once', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn },
    routes: app => { app.get('/visit', async request => { request.session.views = 1 }) }
  })
  const browser = createBrowser(app)
  await browser.get('/visit')
  clock.tick(72 * hour)
  await browser.post('/sign-in')
  clock.tick(minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
})
