import { assertStore, expiryOf, withReplace } from './replace.js'
import type { SessionStoreWithReplace } from '../types/index.js'

interface MysqlSession {
  readonly options: {
    readonly expiration: number
    readonly schema: {
      readonly tableName: string
      readonly columnNames: { readonly session_id: string, readonly expires: string, readonly data: string }
    }
  }
  query (text: string, values: unknown[]): Promise<[Updated, unknown]>
}

interface Updated {
  affectedRows: number
  /** mysql2 says it here, mysql in `message`. */
  info?: string
  message?: string
}

/**
 * Adds `replace` to the store of express-mysql-session, version 3, with one `UPDATE ... WHERE`,
 * through the store's own connection or pool.
 */
export function withMysqlReplace<Store extends object> (store: Store): Store & SessionStoreWithReplace {
  assertStore(store, { name: 'express-mysql-session', wrapper: 'withMysqlReplace', methods: ['query', 'setOptions'] })
  const mysql = store as unknown as MysqlSession
  const { tableName, columnNames } = mysql.options.schema

  return withReplace(store, async (id, session) => {
    const expires = expiryOf(session) ?? Date.now() + mysql.options.expiration
    const [updated] = await mysql.query('UPDATE ?? SET ?? = ?, ?? = ? WHERE ?? = ? AND ?? >= ?', [
      tableName, columnNames.expires, Math.round(expires / 1000), columnNames.data, JSON.stringify(session),
      columnNames.session_id, id, columnNames.expires, Math.round(Date.now() / 1000)
    ])
    return matched(updated) > 0
  })
}

/** A connection without the flag FOUND_ROWS counts in `affectedRows` only those rows that are not as they were. */
function matched ({ affectedRows, info, message }: Updated): number {
  const rows = /Rows matched: (\d+)/.exec(info || message || '')?.[1]
  return rows === undefined ? affectedRows : Number(rows)
}
