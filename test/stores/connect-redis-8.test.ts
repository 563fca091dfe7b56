import t from 'tap'
import { startRedis } from '../helpers/servers/redis.js'
import { checkSubject } from '../helpers/store-contract.js'

const server = await startRedis(t)
if (server) {
  t.test('the contract holds on connect-redis-8', async t => {
    await checkSubject(t, 'connect-redis-8', { env: { STORE_URL: server.url }, server })
  })
}
