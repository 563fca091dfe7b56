import t from 'tap'
import { makeFolder } from '../helpers/servers/server.js'
import { checkSubject } from '../helpers/store-contract.js'

t.test('the contract holds on session-file-store, but that it counts from the last write', async t => {
  const folder = await makeFolder(t)
  const fails = [/^(30 minutes idle|no absolute limit), .*: forgotten .* h too late$/]
  await checkSubject(t, 'session-file-store', { env: { STORE_DIR: folder }, fails })
})
