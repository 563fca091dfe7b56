import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'

export const root = fileURLToPath(new URL('../../', import.meta.url))

const execute = promisify(execFile)

export interface Project {
  dir: string
  /** What would be published. */
  tarball: string
  /** Runs a program of node_modules; rejects with what it printed. */
  run (program: string, ...args: string[]): Promise<string>
}

/** A project of somebody who has installed the package as it would be published. */
export async function installIn (t: Test, files: Record<string, string>): Promise<Project> {
  const dir = t.testdir({ ...files, node_modules: { 'fastify-session-timeout': {} } })
  const { stdout } = await execute('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], { cwd: root })
  const tarball = `${dir}/${stdout.trim()}`
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', `${dir}/node_modules/fastify-session-timeout`])
  return { dir, tarball, run }

  async function run (program: string, ...args: string[]): Promise<string> {
    const path = program === 'node' ? args : [`${root}node_modules/${program}`, ...args]
    try {
      const { stdout } = await execute(process.execPath, path, { cwd: dir, env: { ...process.env, NODE_OPTIONS: '' }, timeout: 120_000 })
      return stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string, stderr: string }
      throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
    }
  }
}
