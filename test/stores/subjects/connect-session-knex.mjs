import { ConnectSessionKnexStore } from 'connect-session-knex'
import createKnex from 'knex'

export const name = 'connect-session-knex on Postgres'

export async function create () {
  const knex = createKnex({ client: 'pg', connection: process.env.STORE_URL, pool: { min: 0, max: 5 } })
  const store = new ConnectSessionKnexStore({ knex, cleanupInterval: 0 })
  await store.ready
  return store
}

export async function close (store) {
  await store.options.knex.destroy()
}

export async function expiresAt (store, id) {
  const row = await store.options.knex('sessions').where('sid', id).first('expired')
  return row && row.expired.getTime()
}
