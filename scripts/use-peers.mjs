// node scripts/use-peers.mjs oldest|newest: installs the peers at the end of the range that package.json gives for each.
// `npm ci` brings the locked ones back.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const { peerDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const [end] = process.argv.slice(2)

const versions = {
  oldest: range => /^\^(\d+\.\d+\.\d+)$/.exec(range)?.[1] ?? fail(`cannot tell the oldest of ${range}`),
  newest: range => range
}
const versionOf = versions[end] ?? fail(`say oldest or newest, received ${end}`)

const wanted = Object.entries(peerDependencies).map(([name, range]) => `${name}@${versionOf(range)}`)
execFileSync('npm', ['install', '--no-save', '--no-package-lock', '--no-audit', '--no-fund', ...wanted], { cwd: fileURLToPath(root), stdio: 'inherit' })
for (const name of Object.keys(peerDependencies)) {
  console.log(name, JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, root), 'utf8')).version)
}

function fail (message) {
  throw new Error(message)
}
