import t from 'tap'
import { startRedisCluster } from '../helpers/servers/redis-cluster.js'
import { checkSubject } from '../helpers/store-contract.js'

const server = await startRedisCluster(t)
if (server) {
  t.test('the contract holds on connect-redis-cluster', async t => {
    await checkSubject(t, 'connect-redis-cluster', { env: { STORE_URL: server.url }, server })
  })
}
