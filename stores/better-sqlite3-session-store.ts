import { assertStore, withReplace } from './replace.js'
import type { SessionStoreWithReplace } from '../types/index.js'

interface SqliteStore {
  readonly client: { prepare (text: string): { run (...values: unknown[]): { changes: number } } }
}

const day = 24 * 60 * 60 * 1000

/** Adds `replace` to the store of better-sqlite3-session-store, with one `UPDATE ... WHERE`, on the store's own database. */
export function withSqliteReplace<Store extends object> (store: Store): Store & SessionStoreWithReplace {
  assertStore(store, { name: 'better-sqlite3-session-store', wrapper: 'withSqliteReplace', methods: ['createDb'] })
  const update = (store as unknown as SqliteStore).client.prepare(
    "UPDATE sessions SET sess = ?, expire = ? WHERE sid = ? AND datetime('now') < datetime(expire)"
  )
  return withReplace(store, (id, session) => {
    const expire = new Date(Date.now() + (session.cookie.maxAge || day))
    return update.run(JSON.stringify(session), expire.toISOString(), id).changes === 1
  })
}
