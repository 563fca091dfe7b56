import { openApplication, pause, within, type Application } from './application.js'
import { signIn } from './expiry.js'
import { finding, type Finding, type Guard } from './report.js'
import { answersAtOnce, read, watch, type Call, type Hold } from './store-access.js'
import type { Scene } from './subject.js'

/** How long an end that was undone by a lost answer may last. */
const patience = 10_000

/** Answers that are lost, by the network or a client that gives up: what was asked for happens all the same. */
export async function checkLostAnswers (scene: Scene): Promise<Finding[]> {
  if (!scene.shared && answersAtOnce(await scene.open())) {
    return [finding('faults', null, 'lost answers: there are none, since the store answers before its methods return')]
  }
  const findings: Finding[] = []
  for (const guard of scene.guards) {
    const how = `with ${guard}`
    for (const processes of scene.shared ? [1, 2] : [1]) {
      const where = processes === 1 ? 'in the same application' : 'in another one'
      const late = await lose(scene, guard, processes, writeAfterTheEnd)
      findings.push(findingOf(late, `${how}: a write whose answer is lost lands after a sign-out ${where}`))
    }
    if (guard === 'replace' || !scene.shared) continue
    const unseen = await lose(scene, guard, 2, writeWithoutALook)
    const what = 'a write lands after a sign-out in another application, and the look for its mark fails'
    findings.push(findingOf(unseen, `${how}: ${what}`))
  }
  return findings
}

interface Lost { trials: number, left: number, served: number, slowest: number }

function findingOf ({ trials, left, served, slowest }: Lost, what: string): Finding {
  const late = slowest === 0 ? ' at once' : `, the last after ${(slowest / 1000).toFixed(1)} s`
  const says = `${what}: ${trials - left} of ${trials} are gone${late}, and ${served} open to their old cookie`
  return finding('faults', left === 0 && served === 0, says)
}

/** How a write goes wrong. */
interface Plan {
  readonly hold: Hold
  /** Settled when nothing is under way any more. */
  readonly over: Promise<void>
}

/** The client is told of a failure at once; the server has the write all the same, later. */
function writeAfterTheEnd (id: string, signOut: () => Promise<void>): Plan {
  let over: () => void
  // The host writes once more when it answers with the error.
  let underWay = 0
  return {
    over: new Promise(resolve => { over = resolve }),
    hold (call, go, answer) {
      if (!writes(call, id)) return go(answer)
      underWay++
      answer(new Error('The answer is lost'))
      signOut().then(() => go(() => {
        if (--underWay === 0) over()
      }))
    }
  }
}

/** The write is under way while the session ends, and then nobody can be asked. */
function writeWithoutALook (id: string, signOut: () => Promise<void>): Plan {
  let blind = false
  return {
    over: Promise.resolve(),
    hold (call, go, answer) {
      if (writes(call, id)) {
        signOut().then(() => {
          blind = true
          go(answer)
        })
      } else if (call.operation === 'get' && call.id !== id && blind) {
        blind = false
        answer(new Error('The answer is lost'))
      } else {
        go(answer)
      }
    }
  }
}

function writes ({ operation, id: written }: Call, id: string): boolean {
  return written === id && (operation === 'set' || operation === 'replace')
}

type MakePlan = (id: string, signOut: () => Promise<void>) => Plan

async function lose (scene: Scene, guard: Guard, processes: number, makePlan: MakePlan): Promise<Lost> {
  const stores = [await scene.open(guard), ...(processes === 2 ? [await scene.open(guard)] : [])]
  const looker = scene.shared ? await scene.open() : stores[0]!
  const watched = watch(stores[0]!)
  const apps = await Promise.all(stores.map(store => openApplication(store)))
  const lost: Lost = { trials: scene.options.lost, left: 0, served: 0, slowest: 0 }
  const looks: Array<Promise<void>> = []
  try {
    for (let trial = 0; trial < lost.trials; trial++) {
      const { cookie, sessionId: id } = await signIn(apps[0]!)
      const signOut = once(async () => { await apps.at(-1)!.ask({ path: '/sign-out', cookie }) })
      const { hold, over } = makePlan(id, signOut)
      watched.hold = hold
      await apps[0]!.ask({ path: '/modify', cookie })
      await signOut()
      await over
      watched.hold = undefined
      looks.push(look(id, cookie, Date.now()))
    }
    await Promise.all(looks)
    return lost
  } finally {
    await Promise.all(apps.map(app => app.close()))
  }

  async function look (id: string, cookie: string, since: number): Promise<void> {
    while (await read(looker, id) !== null) {
      lost.slowest = Math.max(lost.slowest, Date.now() - since)
      if (Date.now() - since > patience) {
        lost.left++
        break
      }
      await pause(50)
    }
    if (await isOpen(apps, cookie)) lost.served++
  }
}

async function isOpen (apps: Application[], cookie: string): Promise<boolean> {
  const answers = await Promise.all(apps.map(app => app.ask({ path: '/me', cookie })))
  return answers.some(({ userId }) => userId !== null)
}

function once (deed: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= deed())
}

/** The server is killed in the middle, and comes back. */
export async function checkServerDeath ({ subject, open }: Scene): Promise<Finding[]> {
  if (!subject.server) return [finding('faults', null, 'death of a server: not tried, there is none to kill')]
  const app = await openApplication(await open(), { patience: 10_000, timeout: { touchInterval: 0 } })
  const out = await Promise.all(Array.from({ length: 10 }, () => signIn(app)))
  const kept = await Promise.all(Array.from({ length: 10 }, () => signIn(app)))
  await Promise.all(out.map(({ cookie }) => app.ask({ path: '/sign-out', cookie })))
  await subject.server.kill()
  const down = await Promise.all(kept.map(({ cookie }) => app.ask({ path: '/modify', cookie })))
  const wrong = down.filter(({ status }) => status === 200).length
  const silent = down.filter(({ status }) => status === 0).length
  await subject.server.start()
  const resumed = await within(20_000, resume(app)) ?? false
  const back = await Promise.all(out.map(({ cookie }) => app.ask({ path: '/me', cookie })))
  const still = await Promise.all(kept.map(({ cookie }) => app.ask({ path: '/me', cookie })))
  await app.close()
  const waiting = silent > 0 ? `, ${silent} are still waiting after 10 s` : ' at once'
  const signedIn = still.filter(({ userId }) => userId !== null).length
  return [
    finding('faults', wrong === 0, `with the server dead, ${10 - wrong - silent} of 10 requests fail${waiting}`),
    finding('faults', resumed, `service ${resumed ? 'resumes' : 'does not resume'} within 20 s of the server's return`),
    finding('faults', back.every(({ userId }) => userId === null), 'who had signed out is signed out still'),
    finding('faults', null, `${signedIn} of 10 users are signed in still: what the server kept in memory is gone`)
  ]
}

async function resume (app: Application): Promise<boolean> {
  while ((await app.ask({ path: '/sign-in' })).status !== 200) await pause(100)
  return true
}
