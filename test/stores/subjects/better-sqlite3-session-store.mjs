import { createRequire } from 'node:module'
import session from 'express-session'
import { withSqliteReplace } from 'fastify-session-timeout/stores'

const require = createRequire(new URL('../native/package.json', import.meta.url))
const Database = require('better-sqlite3')

export const name = 'better-sqlite3-session-store'

class SqliteStore extends require('better-sqlite3-session-store')(session) {
  // Its timer would keep the process alive.
  startInterval () {}
}

export function create () {
  const client = new Database(process.env.STORE_FILE)
  client.pragma('journal_mode = WAL')
  client.pragma('synchronous = NORMAL')
  return withSqliteReplace(new SqliteStore({ client }))
}

export function close (store) {
  store.client.close()
}

export function expiresAt (store, id) {
  const row = store.client.prepare('SELECT expire FROM sessions WHERE sid = ?').get(id)
  return row && Date.parse(row.expire)
}
