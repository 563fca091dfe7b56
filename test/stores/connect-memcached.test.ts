import t from 'tap'
import { startMemcached } from '../helpers/servers/memcached.js'
import { checkSubject } from '../helpers/store-contract.js'

const server = await startMemcached(t)
if (server) {
  t.test('without the wrapper nobody can sign in for more than 30 days', async t => {
    const report = await checkSubject(t, 'connect-memcached', {
      env: { STORE_URL: server.url, STORE_PLAIN: 'yes' },
      only: ['expiry'],
      fails: [
        /^nistAal1, after sign-in, a touch of the session itself, save and regenerate: the session cannot be read again$/,
        /^nistAal1, after touch and restart: nothing was written$/
      ]
    })
    t.match(report.findings.find(({ says }) => says.startsWith('30 minutes idle')), { holds: true })
  })

  t.test('the contract holds on connect-memcached', async t => {
    await checkSubject(t, 'connect-memcached', { env: { STORE_URL: server.url, STORE_PLAIN: '' }, server })
  })
}
