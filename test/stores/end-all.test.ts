import t from 'tap'
import { checkEndAll } from '../helpers/end-all-race.js'
import { startPostgres } from '../helpers/servers/postgres.js'

const postgres = await startPostgres(t)
if (postgres) {
  t.test('on Postgres, a user with a thousand sessions is signed out everywhere within touchInterval', t => checkEndAll(t, 'postgres', postgres.url, false))
  t.test('on Postgres, at once with a bus', t => checkEndAll(t, 'postgres', postgres.url, true))
}
