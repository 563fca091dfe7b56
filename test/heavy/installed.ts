import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'

export const root = fileURLToPath(new URL('../../', import.meta.url))

const execute = promisify(execFile)
const environment = { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 300_000 }

export interface Project {
  dir: string
  /** What would be published. */
  tarball: string
  /** Runs a program of node_modules; rejects with what it printed. */
  run (program: string, ...args: string[]): Promise<string>
}

/** A project of somebody who has installed the package as it would be published, beside the modules of this repository. */
export async function installIn (t: Test, files: Record<string, string>): Promise<Project> {
  const dir = t.testdir({ ...files, node_modules: { 'fastify-session-timeout': {} } })
  const tarball = await pack(dir)
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', `${dir}/node_modules/fastify-session-timeout`])
  return { dir, tarball, run }

  async function run (program: string, ...args: string[]): Promise<string> {
    const path = program === 'node' ? args : [`${root}node_modules/${program}`, ...args]
    try {
      const { stdout } = await execute(process.execPath, path, { ...environment, cwd: dir })
      return stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string, stderr: string }
      throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
    }
  }
}

/** A folder as a stranger has it, far from this repository: the package installed by npm, and nothing else but what is named. */
export async function installAlone (t: Test, others: string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fastify-session-timeout-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const tarball = await pack(dir)
  const versions = await Promise.all(others.map(async name => {
    const { version } = JSON.parse(await readFile(`${root}node_modules/${name}/package.json`, 'utf8'))
    return `${name}@${version}`
  }))
  await execute('npm', ['init', '--yes'], { ...environment, cwd: dir })
  await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...versions], { ...environment, cwd: dir })
  return dir
}

/** @returns the path of what would be published. It is built already, and other tests are reading it. */
async function pack (dir: string): Promise<string> {
  const { stdout } = await execute('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], { ...environment, cwd: root })
  return join(dir, stdout.trim())
}
