// npm run stores -- [store...]
// Runs the contract against stores, one after the other, and writes what came of each into the table of docs/stores.md
// as soon as it is known; the lines of the others stay. RACE_TRIALS says how many sign-outs of each kind.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { costOf } from 'fastify-session-timeout/store-contract'

/** The tests in test/stores, in the order of the table, and the stores that each is about. */
const tests = new Map([
  ['connect-redis', ['connect-redis']],
  ['connect-redis-8', ['connect-redis 8 with ioredis']],
  ['connect-redis-cluster', ['connect-redis on a cluster']],
  ['connect-pg-simple', ['connect-pg-simple']],
  ['express-mysql-session', ['express-mysql-session']],
  ['connect-memcached', ['connect-memcached']],
  ['better-sqlite3-session-store', ['better-sqlite3-session-store']],
  ['connect-sqlite3', ['connect-sqlite3']],
  ['connect-session-knex', ['connect-session-knex on Postgres']],
  ['session-file-store', ['session-file-store']],
  ['memory', [
    'memorystore', 'Keyv', 'lru-cache', 'hand-written, with async methods', "express-session's MemoryStore",
    '@fastify/session MemoryStore'
  ]]
])

const page = new URL('../docs/stores.md', import.meta.url)
const table = /(<!-- table -->\n)([^]*)(<!-- end of table -->)/
const head = ['store', 'expiry', 'came back, one process', 'two processes', 'lost answers', 'touch', 'sign-out']

const chosen = process.argv.length > 2 ? process.argv.slice(2) : [...tests.keys()]
const unknown = chosen.filter(name => !tests.has(name))
if (unknown.length > 0) throw new Error(`No ${unknown.join(', ')}: there are ${[...tests.keys()].join(', ')}`)

const failed = []
for (const [index, name] of chosen.entries()) {
  console.log(`${name}, ${index + 1} of ${chosen.length}, since ${new Date().toLocaleTimeString('en-GB')} ...`)
  const start = Date.now()
  const { reports, problem } = run(name)
  const seconds = Math.round((Date.now() - start) / 1000)
  if (problem === undefined) {
    write(reports)
    console.log(`${reports.map(lineOf).join('\n')}\nafter ${seconds} s\n`)
  } else {
    failed.push(name)
    console.log(`${problem}\n${reports.map(lineOf).join('\n')}\nFAILED after ${seconds} s: its line stays as it was\n`)
  }
}
if (failed.length > 0) {
  console.log(`Failed: npm run stores -- ${failed.join(' ')}`)
  process.exitCode = 1
}

function run (name) {
  const folder = mkdtempSync(join(tmpdir(), 'store-reports-'))
  try {
    const args = ['tap', '--disable-coverage', '--jobs=1', '--timeout=7200', `test/stores/${name}.test.ts`]
    const env = { ...process.env, CI: 'true', STORE_REPORTS: folder }
    const { status, stdout, stderr } = spawnSync('npx', args, { env, encoding: 'utf8', maxBuffer: 2 ** 30 })
    const reports = readdirSync(folder).map(file => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    const missing = tests.get(name).filter(store => !reports.some(report => report.name === store))
    if (status !== 0) return { reports, problem: stdout + stderr }
    if (missing.length > 0) return { reports, problem: `${stdout}\nNo report of ${missing.join(', ')}` }
    return { reports }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The page is read anew each time: runs of different stores may go on for an hour. */
function write (reports) {
  const text = readFileSync(page, 'utf8')
  if (!table.test(text)) throw new Error('docs/stores.md has no place for the table')
  const lines = new Map(text.match(table)[2].trim().split('\n').slice(2).map(line => [line.split(' | ')[0].slice(2), line]))
  for (const report of reports) lines.set(report.name, lineOf(report))
  const known = [...tests.values()].flat().filter(store => lines.has(store)).map(store => lines.get(store))
  const all = [lineOfCells(head), `|${' --- |'.repeat(head.length)}`, ...known]
  writeFileSync(page, text.replace(table, (_, start, before, end) => `${start}${all.join('\n')}\n${end}`))
}

function lineOf (report) {
  return lineOfCells([
    report.name, expiryOf(report), racesOf(report, 1), racesOf(report, 2), lostOf(report),
    costsOf(report, 'touch'), costsOf(report, 'signOut')
  ])
}

function lineOfCells (cells) {
  return `| ${cells.join(' | ')} |`
}

function expiryOf ({ findings }) {
  const wrong = findings.filter(({ topic, holds }) => topic === 'expiry' && holds === false)
  return wrong.length === 0 ? 'right' : [...new Set(wrong.map(({ says }) => says.split(': ').at(-1)))].join('; ')
}

function racesOf ({ races }, processes) {
  const tried = races.filter(race => race.processes === processes)
  if (tried.length === 0) return '-'
  return tried.map(({ back, failed, trials }) => {
    const untried = failed === 0 ? '' : ` (${failed} not tried: the store failed)`
    return `${back} of ${trials.toLocaleString('en')}${untried}`
  }).join(', ')
}

function lostOf ({ findings }) {
  const lost = findings.filter(({ says }) => / is lost lands after | the look for its mark fails/.test(says))
  if (lost.length === 0) return '-'
  const wrong = lost.filter(({ holds }) => !holds)
  const trials = Number(lost[0].says.match(/\d+ of (\d+) are gone/)[1])
  return wrong.length === 0 ? `0 of ${lost.length * trials} undone` : wrong.map(({ says }) => says).join('; ')
}

function costsOf ({ costs }, request) {
  return Object.values(costs).map(cost => costOf(cost[request])).join('; with `replace` ')
}
