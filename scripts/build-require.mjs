// Makes the built package work with require() everywhere: Node can load an ES module so, but Jest and
// TypeScript's node16 cannot. Each entry is bundled as CommonJS, and what import gets of the server's part is the same
// module: two copies in one process would not know of each other's sessions.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'))
const kept = new Set()

for (const [name, entry] of Object.entries(entries)) {
  if (!entry.require) continue
  const { import: { default: imported }, require: { default: required } } = entry
  const isClient = name.startsWith('./client')
  const names = isClient ? [] : Object.keys(await import(pathToFileURL(imported)))
  await build({
    entryPoints: [imported],
    outfile: required,
    bundle: true,
    packages: 'external',
    format: 'cjs',
    platform: isClient ? 'browser' : 'node',
    target: 'node20',
    define: isClient ? {} : { 'import.meta.url': 'moduleUrl' },
    banner: isClient ? {} : { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href" },
    logLevel: 'warning'
  })
  if (isClient) continue
  writeFileSync(imported, wrapper(required, names))
  kept.add(imported.slice(2))
}

// Nothing is left that has become part of a bundle, nor a declaration that no entry leads to; every other has a twin for require().
// The contract for stores starts processes of its own from its files.
const whole = ['dist/client/', 'dist/stores/contract/']
for (const file of files('.js')) if (!kept.has(file) && !whole.some(folder => file.startsWith(folder))) rmSync(file)
const reachable = new Set()
for (const entry of Object.values(entries)) for (const file of declarationsOf(entry)) reach(file)
for (const file of files('.d.ts')) {
  if (!reachable.has(file)) {
    rmSync(file)
    continue
  }
  writeFileSync(file.replace(/\.d\.ts$/, '.d.cts'), readFileSync(file, 'utf8').replaceAll(/(from '\.[^']*|import\('\.[^']*)\.js'/g, "$1.cjs'"))
}
for (const { require: required } of Object.values(entries)) {
  for (const file of Object.values(required ?? {})) if (!existsSync(file)) throw new Error(`${file} is promised and not built`)
}

function wrapper (required, names) {
  const others = names.filter(name => name !== 'default')
  const lines = [`import module from './${required.split('/').pop()}'`]
  if (names.includes('default')) lines.push('export default module.default')
  if (others.length > 0) lines.push(`export const { ${others.join(', ')} } = module`)
  return `${lines.join('\n')}\n`
}

function declarationsOf (entry) {
  const found = [entry.types, entry.import?.types].filter(path => path !== undefined)
  return found.map(path => path.slice(2))
}

/** Follows what a declaration file imports of its neighbours. */
function reach (file) {
  if (reachable.has(file)) return
  reachable.add(file)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*['"](\.[^'"]*)\.js['"]/g)) reach(posix.join(posix.dirname(file), `${path}.d.ts`))
}

function files (ending) {
  return readdirSync('dist', { recursive: true }).map(path => `dist/${path.replaceAll('\\', '/')}`).filter(path => path.endsWith(ending))
}
