import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'

/** The path of the first of these programs that there is, looked for in PATH or absolute. */
export function findProgram (...names: string[]): string | undefined {
  const { PATH = '' } = process.env
  return names.flatMap(name => name.startsWith('/') ? [name] : PATH.split(delimiter).map(dir => join(dir, name))).find(existsSync)
}

/** A browser that is not here is no silent skip: a visible line, and a failure under CI. */
export function reportMissing (t: Test, what: string): void {
  if (process.env.CI) t.fail(what)
  else t.comment(`NOT TESTED. ${what}`)
}

/** Starts a program that is ended with the test. */
export function start (t: Test, path: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(path, args, options)
  // A test that takes too long is ended before its teardown.
  const end = (): void => { child.kill('SIGKILL') }
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  t.teardown(() => new Promise<void>(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill()
    // One that does not listen.
    setTimeout(() => child.kill('SIGKILL'), 3000).unref()
  }))
  return child
}

/** Waits for the program to say something that fits. */
export function said (child: ChildProcess, output: Readable, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('exit', code => reject(new Error(`${child.spawnfile} ended with ${code}: ${text}`)))
    child.once('error', reject)
    output.on('data', chunk => {
      text += String(chunk)
      const found = pattern.exec(text)
      if (found) resolve(found[1]!)
    })
  })
}

/** A folder that is gone after the test. Taken first, it is removed last, when nothing writes to it any more. */
export async function temporaryFolder (t: Test, prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix))
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
