import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import mysql from 'mysql2/promise'
import type { Test } from 'tap'
import { asUser, findPrograms, freePort, makeFolder, startServer, type Server } from './server.js'

const run = promisify(execFile)

/** A MariaDB with an empty database `sessions`. */
export async function startMariadb (t: Test): Promise<Server | undefined> {
  const programs = await findPrograms(t, ['mariadb-install-db', 'mariadbd'], 'mariadb-server')
  if (programs === undefined) return undefined
  const folder = await makeFolder(t)
  const data = join(folder, 'data')
  await run(programs['mariadb-install-db'], [
    '--no-defaults', `--datadir=${data}`, '--skip-test-db', '--auth-root-authentication-method=normal'
  ], { ...asUser, cwd: folder })
  const port = await freePort()
  const url = `mysql://root@127.0.0.1:${port}`
  const server = await startServer(t, {
    program: programs.mariadbd,
    args: [
      '--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'socket')}`, `--pid-file=${join(folder, 'pid')}`,
      '--innodb-flush-log-at-trx-commit=2', '--skip-grant-tables'
    ],
    url: `${url}/sessions`,
    folder,
    ask: () => query(url, 'SELECT 1')
  })
  await query(url, 'CREATE DATABASE sessions')
  return server
}

async function query (uri: string, text: string): Promise<void> {
  const connection = await mysql.createConnection({ uri })
  try {
    await connection.query(text)
  } finally {
    await connection.end()
  }
}
