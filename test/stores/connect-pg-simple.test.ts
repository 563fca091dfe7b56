import t from 'tap'
import { startPostgres } from '../helpers/servers/postgres.js'
import { checkSubject } from '../helpers/store-contract.js'

const server = await startPostgres(t)
if (server) {
  t.test('the contract holds on connect-pg-simple', async t => {
    await checkSubject(t, 'connect-pg-simple', { env: { STORE_URL: server.url }, server })
  })
}
