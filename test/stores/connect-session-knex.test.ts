import t from 'tap'
import { startPostgres } from '../helpers/servers/postgres.js'
import { checkSubject } from '../helpers/store-contract.js'

const server = await startPostgres(t)
if (server) {
  t.test('the contract holds on connect-session-knex', async t => {
    await checkSubject(t, 'connect-session-knex', { env: { STORE_URL: server.url } })
  })
}
