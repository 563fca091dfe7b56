import t from 'tap'
import { openScene } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

t.test('the endpoint states no time left that it could not look up', async t => {
  const { browser, clock, store } = await openScene(t, {
    store: new FaultyStore(new JsonStore()),
    timeout: { endpoint: '/session-timeout' }
  })
  clock.tick(2 * minute)
  // The first read is the host's.
  store.plan.get = ['ok', 'error', 'error']
  t.match((await browser.get('/session-timeout')).json(), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
  store.plan.get = []
  t.equal((await browser.get('/session-timeout')).statusCode, 200)
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('a user whose clock cannot be read is warned by the next page', async t => {
  const { browser, clock, logs, store } = await openScene(t, {
    store: new FaultyStore(new JsonStore()),
    flash: true,
    timeout: { absoluteTimeout: '1h', idleTimeout: false, warnBefore: '5m', touchInterval: '1h' },
    routes (app) {
      app.get('/page', async (_request, reply) => reply.flash('warning'))
    }
  })
  clock.tick(57 * minute)
  store.plan.get = ['ok', 'error', 'error']
  t.equal((await browser.navigate('/page', { headers: {} })).statusCode, 200)
  store.plan.get = []
  t.match(logs.filter(({ msg }) => msg.startsWith('user not warned')), [{ level: 40, err: { message: 'get' } }])
  t.match((await browser.navigate('/page')).json(), [/Your session ends/])
})
