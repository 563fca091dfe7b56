import t from 'tap'
import { query, startPostgres } from '../helpers/servers/postgres.js'
import { checkSubject } from '../helpers/store-contract.js'

/** Columns that take some ids only, and which they do not: everything has to work with the others. */
const columns = [
  ['varchar(128)', /^ids of 200 characters/],
  ['char(32)', /^(UUIDs|ids of (128|200) characters)/],
  ['uuid', /^(ids as @fastify\/session makes them|ids of (128|200) characters)/]
] as const

const server = await startPostgres(t)
if (server) {
  for (const [type, others] of columns) {
    t.test(`sessions end in a column of type ${type}, with every id that it takes`, async t => {
      const table = `session_${type.replace(/\W/g, '_')}`
      const columns = `sid ${type} PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL`
      await query(server.url, `CREATE TABLE ${table} (${columns})`)
      const env = { STORE_URL: server.url, STORE_TABLE: table }
      const refused = new RegExp(`${others.source}, with (marks|replace): signing in is answered with 500$`)
      await checkSubject(t, 'connect-pg-simple', { env, only: ['ids'], fails: [refused] })
    })
  }
}
