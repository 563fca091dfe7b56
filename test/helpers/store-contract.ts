import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CheckOptions, StoreReport, StoreUnderTest } from '../../stores/contract/index.js'
import type { Server } from './servers/server.js'

/** The module of a store in test/stores/subjects. */
type Subject = Omit<StoreUnderTest, 'module' | 'server'>

/** As much as a suite has time for; 5,000 for what is promised. */
const trials = Number(process.env.RACE_TRIALS ?? 300)

export interface Expectations extends CheckOptions {
  /** What is known not to hold on this store, and has to be seen; everything else has to hold. */
  readonly fails?: readonly RegExp[]
  /** Environment of the subject, in this process and in those that it starts. */
  readonly env?: Readonly<Record<string, string>>
  readonly server?: Server
}

/** Runs the built contract against a store, by its own name, as a store's author would. */
export async function checkSubject (t: Test, file: string, expectations: Expectations = {}): Promise<StoreReport> {
  const { fails = [], env = {}, server, ...options } = expectations
  // The processes that the contract starts are no tests.
  Object.assign(process.env, { NODE_OPTIONS: '' }, env)
  const module = new URL(`../stores/subjects/${file}.mjs`, import.meta.url)
  const store = await import(module.href) as Subject
  const { checkStore } = await import('fastify-session-timeout/store-contract')
  const subject = { ...store, module, ...(server && { server }) }
  const report: StoreReport = await checkStore(subject, { trials, lost: trials >= 5000 ? 100 : 20, ...options })
  t.comment(String(report))
  const failed = report.findings.filter(({ holds }) => holds === false).map(({ says }) => says)
  const unexpected = failed.filter(says => !fails.some(known => known.test(says)))
  t.same(unexpected, [], 'everything holds that is not known to fail')
  const unseen = fails.filter(known => !failed.some(says => known.test(says)))
  t.same(unseen.map(String), [], 'what is known to fail does')
  for (const { back, trials } of report.races.filter(({ guard, processes }) => guard === 'none' && processes === 1)) {
    t.ok(back > trials / 50, 'without the plugin sessions come back: the trial can see the fault')
  }
  // The table tells of whole runs.
  if (options.only === undefined) await keep(file, report)
  return report
}

/** For the table of docs/stores.md, see scripts/stores-table.mjs. */
async function keep (file: string, report: StoreReport): Promise<void> {
  const folder = process.env.STORE_REPORTS
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${file}.json`), JSON.stringify(report))
}
