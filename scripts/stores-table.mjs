// Runs the contract against all stores and writes what came of it into docs/stores.md.
// RACE_TRIALS says how many sign-outs of each kind. With a folder of reports as its argument it runs nothing.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { costOf } from 'fastify-session-timeout/store-contract'

const page = new URL('../docs/stores.md', import.meta.url)
const [given] = process.argv.slice(2)
const folder = given ?? mkdtempSync(join(tmpdir(), 'store-reports-'))

if (given === undefined) {
  const args = ['tap', '--disable-coverage', '--timeout=3600', 'test/stores/']
  const env = { ...process.env, CI: 'true', STORE_REPORTS: folder }
  const { status } = spawnSync('npx', args, { stdio: 'inherit', env })
  if (status !== 0) process.exit(status ?? 1)
}

const reports = readdirSync(folder).sort().map(name => JSON.parse(readFileSync(join(folder, name), 'utf8')))
if (given === undefined) rmSync(folder, { recursive: true })

const head = ['store', 'expiry', 'came back, one process', 'two processes', 'lost answers', 'touch', 'sign-out']
const rows = [
  head,
  ...reports.map(report => [
    report.name, expiryOf(report), racesOf(report, 1), racesOf(report, 2), lostOf(report),
    costsOf(report, 'touch'), costsOf(report, 'signOut')
  ])
]
const lines = rows.map(row => `| ${row.join(' | ')} |`)
lines.splice(1, 0, `|${' --- |'.repeat(rows[0].length)}`)

const text = readFileSync(page, 'utf8')
const between = /(<!-- table -->\n)[^]*(<!-- end of table -->)/
if (!between.test(text)) throw new Error('docs/stores.md has no place for the table')
writeFileSync(page, text.replace(between, (_, start, end) => `${start}${lines.join('\n')}\n${end}`))

function expiryOf ({ findings }) {
  const wrong = findings.filter(({ topic, holds }) => topic === 'expiry' && holds === false)
  return wrong.length === 0 ? 'right' : [...new Set(wrong.map(({ says }) => says.split(': ').at(-1)))].join('; ')
}

function racesOf ({ races }, processes) {
  const tried = races.filter(race => race.processes === processes)
  if (tried.length === 0) return '-'
  return tried.map(({ back, trials }) => `${back} of ${trials.toLocaleString('en')}`).join(', ')
}

function lostOf ({ findings }) {
  const lost = findings.filter(({ says }) => / is lost lands after | the look for its mark fails/.test(says))
  const wrong = lost.filter(({ holds }) => !holds)
  return wrong.length === 0 ? 'none undone' : wrong.map(({ says }) => says).join('; ')
}

function costsOf ({ costs }, request) {
  return Object.values(costs).map(cost => costOf(cost[request])).join('; with `replace` ')
}
