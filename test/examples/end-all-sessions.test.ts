import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { buildExample } from './example.js'

t.test('the example ends all sessions of a user from one of them', async t => {
  fakeClock(t)
  const store = new JsonStore()
  const app = await buildExample(t, 'end-all-sessions.js', 'buildAccounts', { store })
  const [laptop, phone] = [createBrowser(app), createBrowser(app)]
  for (const device of [laptop, phone]) await device.post('/sign-in')
  t.equal((await phone.post('/sign-out-everywhere')).statusCode, 200)
  for (const device of [laptop, phone]) t.equal((await device.get('/work')).statusCode, 401)
  t.same(store.sessions(), [])
})

t.test('a change of password ends all others', async t => {
  fakeClock(t)
  const app = await buildExample(t, 'end-all-sessions.js', 'buildAccounts')
  const [laptop, phone] = [createBrowser(app), createBrowser(app)]
  for (const device of [laptop, phone]) await device.post('/sign-in')
  t.equal((await phone.post('/password')).statusCode, 200)
  t.equal((await laptop.get('/work')).statusCode, 401)
  t.equal((await phone.get('/work')).statusCode, 200)
})

t.test('an administrator ends them, also while one is in use', async t => {
  fakeClock(t)
  const app = await buildExample(t, 'end-all-sessions.js', 'buildAccounts')
  const laptop = createBrowser(app)
  await laptop.post('/sign-in')
  t.equal((await app.inject({ method: 'DELETE', url: '/users/Ada/sessions' })).statusCode, 204)
  t.equal((await laptop.get('/work')).statusCode, 401)
})
