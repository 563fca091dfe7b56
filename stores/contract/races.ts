import { openApplication, type Application } from './application.js'
import { forkApplication } from './fork.js'
import { finding, type Finding, type Race } from './report.js'
import { read } from './store-access.js'
import type { Scene } from './subject.js'

const atOnce = 50

/** Sign-outs while another request of the same session is about to write it, at random moments. */
export async function checkRaces (scene: Scene): Promise<{ findings: Finding[], races: Race[] }> {
  const { subject, shared } = scene
  const findings: Finding[] = []
  const races: Race[] = []
  for (const processes of [1, 2] as const) {
    if (processes === 2 && (!shared || subject.module === undefined)) {
      const why = shared ? 'for want of its module' : 'the store is one process\'s own'
      findings.push(finding('races', null, `two processes: not tried, ${why}`))
      continue
    }
    for (const guard of ['none', ...scene.guards] as const) {
      const race = await run(scene, processes, guard)
      races.push(race)
      const where = processes === 1 ? 'one process' : 'two processes'
      const failed = race.failed === 0 ? '' : `, and ${race.failed} were not tried: the store failed`
      const says = `${where}, ${names[guard]}: ${race.back} of ${race.trials} came back${failed}`
      findings.push(finding('races', guard === 'none' ? null : race.back === 0, says))
    }
  }
  return { findings, races }
}

const names = { none: 'without this plugin, for comparison', marks: 'with marks', replace: 'with replace' }

async function run (scene: Scene, processes: 1 | 2, guard: Race['guard']): Promise<Race> {
  const timeout = guard === 'none' ? false as const : {}
  const options = { timeout, replace: guard === 'replace' }
  const looker = await scene.open(guard === 'replace' ? 'replace' : 'marks')
  const apps = processes === 1
    ? [await openApplication(looker, { timeout })]
    : await Promise.all([1, 2].map(() => forkApplication(String(scene.subject.module), options)))
  try {
    // Without the plugin a few hundred show that the trial can see the fault.
    const trials = guard === 'none' ? Math.min(scene.options.trials, 1000) : scene.options.trials
    return { guard, processes, trials, ...await race(apps[0]!, apps.at(-1)!, looker, trials) }
  } finally {
    await Promise.all(apps.map(app => app.close()))
  }
}

async function race (
  writer: Application, ender: Application, looker: object, trials: number
): Promise<{ back: number, failed: number }> {
  let back = 0
  let failed = 0
  let left = trials
  await Promise.all(Array.from({ length: Math.min(atOnce, trials) }, async () => {
    while (left-- > 0) await trial()
  }))
  return { back, failed }

  async function trial (): Promise<void> {
    const { cookie, sessionId } = await writer.ask({ path: '/sign-in' })
    const [, out] = await Promise.all([
      writer.ask({ path: `/modify?ms=${Math.random() * 20}`, cookie, wait: Math.random() * 5 }),
      ender.ask({ path: '/sign-out', cookie, wait: Math.random() * 25 })
    ])
    if (sessionId === null || out.userId === null) failed++
    else if (await read(looker, sessionId) !== null) back++
  }
}
