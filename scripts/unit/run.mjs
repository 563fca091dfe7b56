// npm test [-- folder or file of tests...] [-- options of tap...]: the tests that need nothing but Node.
// Compiled once, a few files a process: tap's own loader takes longer for each file than most of them run.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'

const compiled = '.compiled'
const shared = 'scripts/unit/turn.mjs'
/** Folders of test/ with a script of their own. What is new belongs to `npm test`. */
const apart = ['browser', 'heavy', 'redis', 'stores']
const filesInProcess = 12
/** Begun first, since they take longest: two processes are then busy to the end. */
const longest = ['app', 'store', 'session', 'examples']

const words = process.argv.slice(2)
const options = words.filter(word => word.startsWith('-'))
const chosen = words.filter(word => !word.startsWith('-')).map(word => word.replace(/^\.\//, '').replace(/\/$/, ''))

const sources = ['index.ts', ...['lib', 'types', 'stores', 'client', 'test'].flatMap(filesBelow)].filter(file => /(?<!\.d|-d)\.ts$/.test(file))
const tests = sources.filter(file => file.endsWith('.test.ts') && !apart.includes(file.split('/')[1]))
  .filter(file => chosen.length === 0 || chosen.some(word => file === word || file.startsWith(`${word}/`)))
if (tests.length === 0) throw new Error(`There is no test of npm test in ${chosen.join(', ')}; test/${apart.join(', test/')} have scripts of their own`)

rmSync(compiled, { recursive: true, force: true })
await build({
  entryPoints: sources,
  outdir: compiled,
  outbase: '.',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
  plugins: [{ name: 'tests take turns', setup: build => { build.onLoad({ filter: /\.test\.ts$/ }, takingTurns) } }]
})
// Only some of the tests cover only some of the code.
const coverage = chosen.length > 0 ? ['--disable-coverage'] : []
// test/orders takes minutes then.
const patience = process.env.ORDERS === 'all' ? ['--timeout=7200'] : []
const tap = createRequire(import.meta.url).resolve('tap').replace(/dist[\\/].*/, 'dist/esm/run.mjs')
const { status } = spawnSync(process.execPath, [tap, ...coverage, ...patience, `--node-arg=--require=${resolve('scripts/unit/no-domains.cjs')}`, ...options, ...writeGroups()], { stdio: 'inherit' })
process.exitCode = status ?? 1

function filesBelow (folder) {
  return readdirSync(folder, { recursive: true }).map(name => `${folder}/${name.replaceAll('\\', '/')}`).filter(name => !name.includes('node_modules/')).sort()
}

/** The same file with another import of tap, in its place: no line moves. */
function takingTurns ({ path }) {
  const file = relative('.', path)
  const text = readFileSync(path, 'utf8')
  if (text.split("from 'tap'").length !== 2) throw new Error(`${file} has to import tap once`)
  const turn = relative(dirname(join(compiled, file)), shared).replaceAll('\\', '/')
  return { contents: text.replace("from 'tap'", `from '${turn}'`), loader: 'ts' }
}

/** Programs that run the files of a folder, a dozen each, neighbours in different ones. */
function writeGroups () {
  mkdirSync(`${compiled}/groups`)
  const folders = new Set(tests.map(folderOf))
  return [...new Set([...longest, ...folders])].filter(folder => folders.has(folder)).flatMap(folder => {
    const files = tests.filter(file => folderOf(file) === folder)
    const count = Math.ceil(files.length / filesInProcess)
    return Array.from({ length: count }, (_, number) => {
      const program = `${compiled}/groups/${folder}${count > 1 ? `-${number + 1}` : ''}.test.mjs`
      const members = files.filter((_, index) => index % count === number)
      const turns = members.map(file => `  ['${file}', () => import('../${file.replace(/\.ts$/, '.js')}')]`)
      writeFileSync(program, `import { takeTurns } from '../../${shared}'\nawait takeTurns([\n${turns.join(',\n')}\n])\n`)
      return program
    })
  })
}

function folderOf (file) {
  return dirname(file).split('/')[1] ?? 'test'
}
