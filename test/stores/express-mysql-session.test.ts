import t from 'tap'
import { startMariadb } from '../helpers/servers/mariadb.js'
import { checkSubject } from '../helpers/store-contract.js'

const server = await startMariadb(t)
if (server) {
  t.test('the contract holds on express-mysql-session, whose ids have 128 characters at most', async t => {
    await checkSubject(t, 'express-mysql-session', {
      env: { STORE_URL: server.url },
      server,
      fails: [/^ids of 200 characters, with (marks|replace): signing in is answered with 500$/]
    })
  })

  t.test('a connection that counts only changed rows replaces as well', async t => {
    const env = { STORE_URL: server.url, STORE_FLAGS: '-FOUND_ROWS' }
    await checkSubject(t, 'express-mysql-session', { env, only: ['replace'] })
  })
}
