import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeFolder, notTested } from '../helpers/servers/server.js'
import { checkSubject } from '../helpers/store-contract.js'

if (!existsSync(new URL('native/node_modules', import.meta.url))) {
  notTested(t, 'The stores with native modules are missing: npm ci --prefix test/stores/native')
} else {
  for (const file of ['better-sqlite3-session-store', 'connect-sqlite3']) {
    t.test(`the contract holds on ${file}`, async t => {
      await checkSubject(t, file, { env: { STORE_FILE: join(await makeFolder(t), 'sessions.db') } })
    })
  }
}
