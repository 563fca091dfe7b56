import { join } from 'node:path'
import t from 'tap'
import { makeFolder, needNativeStores } from '../helpers/servers/server.js'
import { checkSubject } from '../helpers/store-contract.js'

if (needNativeStores(t)) {
  t.test('the contract holds on connect-sqlite3', async t => {
    await checkSubject(t, 'connect-sqlite3', { env: { STORE_FILE: join(await makeFolder(t), 'sessions.db') } })
  })
}
