import expressMysqlSession from 'express-mysql-session'
import session from 'express-session'
import { withMysqlReplace } from 'fastify-session-timeout/stores'
import mysql from 'mysql2/promise'

export const name = 'express-mysql-session'

const MySQLStore = expressMysqlSession(session)

export async function create () {
  const { STORE_URL: uri, STORE_FLAGS: flags } = process.env
  const pool = mysql.createPool({ uri, connectionLimit: 5, ...(flags && { flags: [flags] }) })
  const store = new MySQLStore({ clearExpired: false, endConnectionOnClose: true }, pool)
  await store.onReady()
  return withMysqlReplace(store)
}

export async function close (store) {
  await store.close()
}

export async function expiresAt (store, id) {
  const [rows] = await store.query('SELECT expires FROM sessions WHERE session_id = ?', [id])
  return rows.length === 0 ? undefined : rows[0].expires * 1000
}
