import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { second } from '../helpers/time.js'
import { buildExample } from './example.js'

t.test('one session of a user ends all of them', async t => {
  fakeClock(t)
  const store = new JsonStore()
  const app = await buildExample(t, 'end-all-sessions.js', 'buildAccounts', { store })
  const [laptop, phone] = [createBrowser(app), createBrowser(app)]
  for (const device of [laptop, phone]) await device.post('/sign-in')
  t.same((await phone.post('/sign-out-everywhere')).json(), { ended: 2 })
  for (const device of [laptop, phone]) t.equal((await device.post('/sign-out-everywhere')).statusCode, 401)
  t.same(store.sessions(), [])
})

t.test('an administrator ends them, also while one is in use', async t => {
  fakeClock(t)
  const app = await buildExample(t, 'end-all-sessions.js', 'buildAccounts')
  const laptop = createBrowser(app)
  await laptop.post('/sign-in')
  t.same((await app.inject({ method: 'DELETE', url: '/users/Ada/sessions' })).json(), { ended: 1 })
  t.same((await app.inject({ method: 'DELETE', url: '/users/Ada/sessions' })).json(), { ended: 0 })
  t.equal((await laptop.post('/sign-out-everywhere')).statusCode, 401)
})

t.test('a fourth session ends the first, and those that are over do not count as ended', async t => {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const app = await buildExample(t, 'end-all-sessions.js', 'buildAccounts', { store })
  const devices = Array.from({ length: 4 }, () => createBrowser(app))
  for (const device of devices) {
    await device.post('/sign-in')
    clock.tick(second)
  }
  t.equal(store.sessions().length, 3)
  t.equal((await devices[0]!.post('/sign-out-everywhere')).statusCode, 401)
  await devices[1]!.post('/sign-out')
  t.same((await devices[3]!.post('/sign-out-everywhere')).json(), { ended: 2 })
})
