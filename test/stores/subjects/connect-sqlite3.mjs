import { createRequire } from 'node:module'
import session from 'express-session'

const require = createRequire(new URL('../native/package.json', import.meta.url))
const { Database } = require('sqlite3')

export const name = 'connect-sqlite3'

const SQLiteStore = require('connect-sqlite3')(session)

export async function create () {
  const db = await new Promise((resolve, reject) => {
    const opened = new Database(process.env.STORE_FILE, error => error ? reject(error) : resolve(opened))
  })
  db.configure('busyTimeout', 5000)
  // A statement that writes while another one of the same connection still reads is refused at once.
  db.serialize()
  const store = new SQLiteStore({ db, concurrentDb: true })
  await new Promise(resolve => store.client.once('connect', resolve))
  await new Promise(resolve => db.exec('PRAGMA synchronous = NORMAL', resolve))
  return store
}

export async function close (store) {
  await new Promise(resolve => store.db.close(resolve))
}

export async function expiresAt (store, id) {
  const row = await new Promise((resolve, reject) => {
    store.db.get('SELECT expired FROM sessions WHERE sid = ?', [id], (error, row) => {
      if (error) reject(error)
      else resolve(row)
    })
  })
  return row?.expired
}
