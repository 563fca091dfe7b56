import { spawn, type ChildProcess } from 'node:child_process'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { root } from '../root.js'

/** A server of the test's own, on a free port of the loopback, its data in a folder that goes with the test. */
export interface Server {
  readonly url: string
  /** As when a machine dies. */
  kill (): Promise<void>
  /** Starts it again on the same data. */
  start (): Promise<void>
}

/** Undefined, said aloud, where a program is missing; a failure under CI. */
export async function findPrograms<Name extends string> (
  t: Test, names: readonly Name[], debian: string
): Promise<Record<Name, string> | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', ...await postgresFolders()]
  const found = names.map(name => [name, folders.map(folder => join(folder, name)).find(existsSync)] as const)
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name)
  if (missing.length === 0) return Object.fromEntries(found) as Record<Name, string>
  notTested(t, `${missing.join(' and ')} is missing: install ${debian}`)
  return undefined
}

/** Says it aloud; fails under CI. */
export function notTested (t: Test, message: string): void {
  if (process.env.CI) t.fail(message)
  else t.comment(`NOT TESTED. ${message}`)
}

/** Whether those stores are installed that are made of C++: they are not in package.json. */
export function needNativeStores (t: Test): boolean {
  const found = existsSync(new URL('test/stores/native/node_modules', root))
  if (!found) notTested(t, 'The stores with native modules are missing: npm ci --prefix test/stores/native')
  return found
}

/** Debian keeps each version of Postgres in a folder of its own. */
async function postgresFolders (): Promise<string[]> {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? await readdir(base) : []
  return versions.sort().reverse().map(version => join(base, version, 'bin'))
}

/** Servers refuse to run as root: then they run as nobody, in a folder that is nobody's. */
export const asUser = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

export async function makeFolder (t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'session-store-'))
  if (asUser.uid !== undefined) await chown(folder, asUser.uid, asUser.gid)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Below the ports that the system gives to clients: a server that is killed must find its port free again,
 * and a client that tries to reach it meanwhile would otherwise connect to itself one day.
 */
export async function freePort (): Promise<number> {
  const server = createServer()
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    const free = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    server.removeAllListeners()
    if (!free) continue
    await new Promise(resolve => server.close(resolve))
    return port
  }
}

export interface ServerOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly url: string
  readonly folder: string
  /** Rejects as long as the server does not answer. */
  readonly ask: () => Promise<unknown>
  /** @default SIGKILL */
  readonly killSignal?: NodeJS.Signals
}

/** Starts a server, and stops it at the end of the test. */
export async function startServer (t: Test, options: ServerOptions): Promise<Server> {
  const { program, args, url, folder, ask, killSignal = 'SIGKILL' } = options
  let child: ChildProcess
  let said = ''
  await start()
  t.teardown(kill)
  return { url, kill, start }

  async function start (): Promise<void> {
    run()
    for (let waited = 0; ; waited += 50) {
      try {
        return await ask() as undefined
      } catch (error) {
        if (waited > 30_000) throw new Error(`${program} does not start: ${said}`, { cause: error })
        await pause(50)
        // Some do not start while something of the one before is left.
        if (gone()) run()
      }
    }
  }

  function run (): void {
    child = spawn(program, args, { ...asUser, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', chunk => { said = `${said}${chunk}`.slice(-4000) })
    }
  }

  async function kill (): Promise<void> {
    if (gone()) return
    const exit = new Promise(resolve => child.once('exit', resolve))
    child.kill(killSignal)
    await exit
  }

  function gone (): boolean {
    return child.exitCode !== null || child.signalCode !== null
  }
}
