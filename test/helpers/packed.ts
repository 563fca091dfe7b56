import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { root } from './root.js'

const run = promisify(execFile)
const npm = { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 300_000 }

/** A folder as a stranger has it, far from this repository: the packed tarball installed, and nothing else but what is named. */
export async function installPacked (t: Test, others: string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fastify-session-timeout-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  // Built already, and other tests are reading it.
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', dir], { ...npm, cwd: fileURLToPath(root) })
  const [{ filename }] = JSON.parse(stdout)
  const versions = await Promise.all(others.map(async name => {
    const { version } = JSON.parse(await readFile(new URL(`node_modules/${name}/package.json`, root), 'utf8'))
    return `${name}@${version}`
  }))
  await run('npm', ['init', '--yes'], { ...npm, cwd: dir })
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${filename}`, ...versions], { ...npm, cwd: dir })
  return dir
}
