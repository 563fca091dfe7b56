import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Test } from 'tap'
import { asUser, findPrograms, freePort, makeFolder, startServer, type Server } from './server.js'

const run = promisify(execFile)

/** A Postgres with the table of connect-pg-simple. */
export async function startPostgres (t: Test): Promise<Server | undefined> {
  const programs = await findPrograms(t, ['initdb', 'postgres'], 'postgresql')
  if (programs === undefined) return undefined
  const folder = await makeFolder(t)
  const data = join(folder, 'data')
  await run(programs.initdb, [
    '--pgdata', data, '--username', 'postgres', '--auth', 'trust', '--encoding', 'UTF8', '--no-sync'
  ], { ...asUser, cwd: folder })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const server = await startServer(t, {
    program: programs.postgres,
    args: [
      '-D', data, '-p', String(port),
      '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'
    ],
    url,
    folder,
    ask: () => query(url, 'SELECT 1'),
    // Its way to die at once: after SIGKILL its children hold the memory for a while, and it does not start again.
    killSignal: 'SIGQUIT'
  })
  await query(url, 'CREATE TABLE session (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL)')
  return server
}

export async function query (url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    return await client.query(text)
  } finally {
    await client.end()
  }
}
