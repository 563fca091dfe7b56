import { assertStore, expiryOf, withReplace } from './replace.js'
import type { SessionStoreWithReplace } from '../types/index.js'

interface PgSimple {
  readonly ttl?: number
  quotedTable (): string
  query (text: string, values: unknown[], callback: (error: unknown, firstRow?: object) => void): void
}

/** Adds `replace` to the store of connect-pg-simple, with one `UPDATE ... WHERE`, through the store's own pool. */
export function withPostgresReplace<Store extends object> (store: Store): Store & SessionStoreWithReplace {
  assertStore(store, { name: 'connect-pg-simple', wrapper: 'withPostgresReplace', methods: ['quotedTable', 'query'], set: /INSERT INTO/ })
  const postgres = store as unknown as PgSimple
  const text = `UPDATE ${postgres.quotedTable()} SET sess = $1, expire = to_timestamp($2)
    WHERE sid = $3 AND expire >= to_timestamp($4) RETURNING sid`

  return withReplace(store, (id, session) => new Promise((resolve, reject) => {
    const seconds = Math.ceil(Date.now() / 1000)
    const expires = expiryOf(session)
    const expire = expires === undefined ? seconds + (postgres.ttl || 86400) : Math.ceil(expires / 1000)
    postgres.query(text, [session, expire, id, seconds], (error, row) => {
      if (error) reject(error)
      else resolve(row !== undefined)
    })
  }))
}
