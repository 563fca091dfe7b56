import connectPgSimple from 'connect-pg-simple'
import session from 'express-session'
import { withPostgresReplace } from 'fastify-session-timeout/stores'
import pg from 'pg'

export const name = 'connect-pg-simple'

const PgStore = connectPgSimple(session)
const table = () => process.env.STORE_TABLE ?? 'session'
const pools = new WeakMap()

export function create () {
  const pool = new pg.Pool({ connectionString: process.env.STORE_URL, max: 5 })
  pool.on('error', () => {})
  const options = { pool, tableName: table(), pruneSessionInterval: false, errorLog: () => {} }
  const store = withPostgresReplace(new PgStore(options))
  pools.set(store, pool)
  return store
}

export async function close (store) {
  await pools.get(store).end()
}

export async function expiresAt (store, id) {
  const text = `SELECT extract(epoch FROM expire::timestamptz) AS at FROM "${table()}" WHERE sid = $1`
  const { rows } = await pools.get(store).query(text, [id])
  return rows.length === 0 ? undefined : Number(rows[0].at) * 1000
}
