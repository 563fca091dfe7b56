import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { query } from './postgres.js'
import { findPrograms, freePort, makeFolder, startServer, type Server } from './server.js'

/** A PgBouncer in transaction mode before a Postgres: what a client has asked a connection to listen to is lost after each transaction. */
export async function startPgBouncer (t: Test, postgres: Server): Promise<Server | undefined> {
  const programs = await findPrograms(t, ['pgbouncer'], 'pgbouncer')
  if (programs === undefined) return undefined
  const folder = await makeFolder(t)
  const port = await freePort()
  const { hostname, port: behind } = new URL(postgres.url)
  const settings = join(folder, 'pgbouncer.ini')
  await writeFile(settings, `[databases]
postgres = host=${hostname} port=${behind} dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
`)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  return startServer(t, { program: programs.pgbouncer, args: [settings], url, folder, ask: () => query(url, 'SELECT 1') })
}
