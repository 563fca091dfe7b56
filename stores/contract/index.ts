import { checkAnswers } from './answers.js'
import { checkExpiry } from './expiry.js'
import { checkLostAnswers, checkServerDeath } from './faults.js'
import { countCosts } from './costs.js'
import { checkIds } from './ids.js'
import { checkRaces } from './races.js'
import { checkReplace } from './replacing.js'
import {
  createReport, finding, type Costs, type Finding, type Guard, type Race, type StoreReport, type Topic
} from './report.js'
import { canReplace, read, remove, sessionFor, write } from './store-access.js'
import type { CheckOptions, Scene, StoreUnderTest } from './subject.js'

export { costOf } from './report.js'
export type { Cost, Costs, Finding, Guard, Race, StoreReport, Topic } from './report.js'
export type { CheckOptions, StoreUnderTest } from './subject.js'

/**
 * Tests everything that this plugin needs from a session store, and reports the results in sentences.
 * It creates and destroys sessions: use a separate database, not one in use.
 *
 * @example
 * const expiresAt = (store, id) => store.rows.get(id)?.expires
 * const report = await checkStore({ name: 'mine', create: () => new MyStore(), expiresAt })
 * console.log(String(report))
 * process.exitCode = report.holds ? 0 : 1
 */
export async function checkStore<Store extends object> (
  subject: StoreUnderTest<Store>, options: CheckOptions = {}
): Promise<StoreReport> {
  const opened: Store[] = []
  const open = async (guard?: Guard): Promise<Store> => {
    const store = await subject.create()
    opened.push(store)
    return guard === 'marks' ? Object.assign(store, { replace: undefined }) : store
  }
  try {
    const answers = await checkAnswers(open)
    if (answers.some(({ holds }) => holds === false)) {
      const findings = [...answers, finding('answers', null, 'nothing else was tried: put this right first')]
      return createReport({ name: subject.name, findings, races: [], costs: {} })
    }
    const scene: Scene = {
      subject: subject as unknown as StoreUnderTest,
      options: { trials: 300, lost: 20, storeGrace: 24 * 60 * 60 * 1000, ...options },
      open,
      guards: canReplace(await open()) ? ['marks', 'replace'] : ['marks'],
      shared: await isShared(open)
    }
    return await check(scene, answers, options.only ?? ['expiry', 'ids', 'replace', 'races', 'faults', 'costs'])
  } finally {
    for (const store of opened) await subject.close?.(store)
  }
}

async function check (
  scene: Scene, answers: readonly Finding[], topics: ReadonlyArray<Exclude<Topic, 'answers'>>
): Promise<StoreReport> {
  const findings = [...answers]
  const races: Race[] = []
  const costs: Partial<Record<Guard, Costs>> = {}
  const steps: Record<Exclude<Topic, 'answers'>, () => Promise<readonly Finding[]>> = {
    expiry: () => checkExpiry(scene),
    ids: () => checkIds(scene),
    replace: () => checkReplace(scene),
    async races () {
      const result = await checkRaces(scene)
      races.push(...result.races)
      return result.findings
    },
    faults: async () => [...await checkLostAnswers(scene), ...await checkServerDeath(scene)],
    async costs () {
      for (const guard of scene.guards) costs[guard] = await countCosts(scene, guard)
      return []
    }
  }
  for (const topic of topics) {
    try {
      findings.push(...await steps[topic]())
    } catch (error) {
      findings.push(finding(topic, false, `cannot be tried: ${(error as Error).message}`))
    }
  }
  return createReport({ name: scene.subject.name, findings, races, costs })
}

/** Whether two stores share their sessions, as two processes would. */
async function isShared (open: () => Promise<object>): Promise<boolean> {
  const [one, other] = [await open(), await open()]
  const id = 'A'.repeat(32)
  await write(one, id, sessionFor(60_000))
  const shared = await read(other, id) !== null
  await remove(one, id)
  return shared
}
