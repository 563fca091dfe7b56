import type { FastifyInstance } from 'fastify'
import { hour, second } from '../helpers/time.js'
import {
  endAll, endAllOthers, endById, endpointSignOut, extension, otherSave, otherSignIn, renewal, restart, save, savingVisit, signIn, signOut, timeout, touch
} from './deeds.js'
import { idIn, type Did, type Scene } from './scene.js'
import { idleTimeout, letters, touchInterval } from './world.js'

/** The default. */
const absoluteTimeout = 24 * hour

/** Who is signed in with a cookie, as one process says. */
interface View {
  readonly where: string
  readonly whose: string
  readonly user: string | null
  readonly note: string | null
  readonly other: string | null
}

/** The clock of a session, as one process says; null where it is not live. */
interface ClockView {
  readonly where: string
  readonly startedAt: number | null
  readonly lastActivity: number | null
}

const ends = [signOut, endpointSignOut, endById, endAll, endAllOthers, timeout]

/** What does not hold at the end of an order, in words. */
export async function findWrongs (scene: Scene): Promise<{ wrongs: string[], state: string }> {
  const { world, parts } = scene
  const wrongs: string[] = []
  parts.forEach(({ deed }, request) => { if (scene.did[request] === undefined) wrongs.push(`${deed.name} is never answered`) })
  if (wrongs.length > 0) return { wrongs, state: 'hangs' }
  const did = scene.did as Did[]
  const fault = world.conductor.faultHit ? world.conductor.fault : undefined

  const hit = fault && did[fault.request]
  /** Whether nobody can know what it has done. */
  const isUncertain = (one: Did): boolean => one === hit && one.status >= 500 && (fault!.kind !== 'refused' || one.deed === signIn || one.deed === endAll || one.deed === endAllOthers || world.exchangers.has(fault!.request))
  const isOver = (one: Did): boolean => saysEnded(one) || endsSession(one)
  const over = did.filter(isOver)
  const exchanged = did.filter((one, request) => {
    // One that failed has sent the cookie of the successor where the host stored that at its end.
    if (one.deed === renewal) return one.status === 200 ? one.body.now === 'ada' : one.cookie !== undefined
    return one.deed === signIn && world.exchangers.has(request)
  })
  // Known limit: what is under way while a sign-out fails may find its mark before that is taken back, and end the session.
  const isTakenBack = hit !== undefined && fault!.kind === 'refused' && hit.status >= 500 && endsSessionDeed(hit.deed)
  const mayHaveSeenMark = isTakenBack && did.some(one => isSave(one) || one.deed === renewal || one.deed === signIn)
  const unclear = mayHaveSeenMark || did.some(one => isUncertain(one) && (ends.includes(one.deed) || one.deed === renewal || one.deed === signIn))

  const cookies = new Map([[scene.cookie, 'the old cookie']])
  did.forEach(({ deed, cookie }, request) => {
    if (cookie !== undefined && !cookies.has(cookie)) cookies.set(cookie, `the cookie of the ${deed.name} (request ${request})`)
  })

  const ids = [...cookies.keys()].map(idIn)
  for (const [id, json] of world.data) {
    const user: unknown = JSON.parse(json).userId
    if (world.isSession(id) && user !== undefined && !ids.includes(id)) wrongs.push(`a session of ${user} is in the store that no cookie knows`)
  }

  // Other processes look after touchInterval; then those first that have known the session.
  const isEndOfAll = did.some(({ deed }) => deed === endAll || deed === endAllOthers)
  if (isEndOfAll) scene.setTime(Date.now() + touchInterval)
  const processes: Array<[string, FastifyInstance]> = [['C', world.observer], ...world.processes.map((app, at) => [letters[at]!, app] as [string, FastifyInstance])]
  const views: View[] = []
  for (const [cookie, whose] of cookies) {
    for (const [where, app] of isEndOfAll ? [...processes].reverse() : processes) views.push({ where, whose, ...await look(app, cookie) })
  }
  for (const view of views) {
    const first = views.find(({ whose }) => whose === view.whose)!
    for (const key of ['user', 'note', 'other'] as const) {
      if (view[key] !== first[key]) wrongs.push(`with ${view.whose}, ${key} is ${view[key]} in ${view.where} and ${first[key]} in ${first.where}`)
    }
  }
  const other = did.find(({ deed }) => deed === otherSignIn)
  const whoseOther = other?.cookie && cookies.get(other.cookie)
  const of = (whose: string): View => views.find(view => view.whose === whose)!
  const old = of('the old cookie')

  for (const view of views) {
    if (view.user !== 'ada' || view.whose === whoseOther) continue
    for (const one of over) wrongs.push(`signed in with ${view.whose} after the ${one.deed.name} said that the session is over`)
    if (view.whose === 'the old cookie' && exchanged.length > 0) wrongs.push(`signed in with the old cookie after the ${exchanged[0]!.deed.name}`)
  }

  const everywhere = did.find(({ deed, status }) => deed === endAll && status === 200)
  if (whoseOther && everywhere) {
    const { user } = of(whoseOther)
    if (other.answeredAt < everywhere.beganAt && user === 'ada') wrongs.push('the other sign-in came before the end of all, and is signed in')
    if (everywhere.answeredAt < other.beganAt && user !== 'ada') wrongs.push('the other sign-in came after the end of all, and is lost')
  }

  for (const one of did) {
    if (one.deed === signIn && one.status === 200 && of(cookies.get(one.cookie!)!).user !== 'bob') wrongs.push('the sign-in is lost')
    if (one.deed === renewal && one.body.now === 'ada' && over.length === 0 && !unclear && !exchanged.some(({ deed }) => deed === signIn)) {
      if (one.cookie === undefined || of(cookies.get(one.cookie)!).user !== 'ada') wrongs.push('the renewal is lost')
    }
  }

  const timeouts = world.timeouts.map(count => count ?? 0)
  if (timeouts.some(count => count > 1)) wrongs.push('onTimeout was called twice in one process')
  if (fault === undefined && did.some(saysEnded) && !did.some(({ deed, body }) => endsSessionDeed(deed) || body.now !== undefined) && !timeouts.some(count => count > 0)) wrongs.push('onTimeout was not called')

  const late = did.find(one => one.deed === timeout)
  const cameInTime = did.find(one => movesClock(one) && one !== hit && one.answeredAt <= scene.deadlineAt)
  if (late !== undefined && cameInTime && exchanged.length === 0 && !unclear && over.every(one => one === late)) {
    if (saysEnded(late)) wrongs.push(`ended by time after the ${cameInTime.deed.name} was answered`)
  }

  const isLive = over.length === 0 && exchanged.length === 0 && !unclear && (late === undefined || cameInTime !== undefined)
  if (isLive) {
    if (old.user !== 'ada') wrongs.push('the session is lost')
    else {
      const saved = did.filter(isSaved)
      // Of two saves that began with the same copy the later one wins, also one of which nobody knows that it was stored.
      const tried = did.filter(one => isSaved(one) || (isSave(one) && one === hit))
      const kept = saved.filter(({ deed }) => deed === otherSave ? old.other !== null : old.note !== null)
      const differ = new Set(tried.map(({ deed }) => deed === otherSave)).size === 2
      if (kept.length < (differ ? (tried.length > saved.length ? 0 : 1) : saved.length)) wrongs.push(`the ${saved[0]!.deed.name} is lost`)
      wrongs.push(...await findClockWrongs(scene, processes, did, hit))
      if (fault !== undefined) {
        const last = world.processes.at(-1)!
        await last.inject({ method: 'POST', url: '/note?value=later', headers: { cookie: scene.cookie } })
        for (const [where, app] of processes) {
          const { user, note } = await look(app, scene.cookie)
          if (user !== 'ada' || note !== 'later') wrongs.push(`a save afterwards is lost in ${where}`)
        }
      }
    }
  }
  const state = JSON.stringify([did.map(({ status, body }) => [status, body]), views, timeouts])
  return { wrongs: [...new Set(wrongs)], state }
}

async function findClockWrongs (
  scene: Scene, processes: ReadonlyArray<[string, FastifyInstance]>, did: readonly Did[], hit: Did | undefined
): Promise<string[]> {
  const wrongs: string[] = []
  // What a process has read within the last second it takes for fresh.
  scene.setTime(Date.now() + 2 * second)
  const clocks: ClockView[] = []
  for (const [where, app] of processes) clocks.push(await readClock(where, app, scene.cookie))
  const [truth] = clocks as [ClockView]
  if (truth.startedAt === null || truth.lastActivity === null) return ['the session has no clock']
  for (const { where, startedAt, lastActivity } of clocks) {
    if (startedAt !== truth.startedAt || lastActivity !== truth.lastActivity) wrongs.push(`the clock is another one in ${where}`)
  }
  for (const one of did) {
    if (one.deed === restart && one.status === 200 && one.body.user === 'ada' && truth.startedAt < scene.at) wrongs.push('the restart is lost')
    // Touches of one process share one write.
    const sharesFault = hit !== undefined && hit.process === one.process && movesClock(one)
    if (movesClock(one) && one !== hit && !sharesFault && truth.lastActivity < scene.at) wrongs.push(`the ${one.deed.name} is lost`)
  }
  if (truth.lastActivity < scene.signedInAt || truth.startedAt < scene.signedInAt) wrongs.push('the clock has moved back')
  return wrongs
}

async function look (app: FastifyInstance, cookie: string): Promise<Omit<View, 'where' | 'whose'>> {
  const { user = null, note = null, other = null } = (await app.inject({ url: '/me', headers: { cookie } })).json()
  return { user, note, other }
}

async function readClock (where: string, app: FastifyInstance, cookie: string): Promise<ClockView> {
  const { idleRemaining, absoluteRemaining } = (await app.inject({ url: '/session-timeout', headers: { cookie } })).json()
  const at = Date.now()
  return {
    where,
    startedAt: absoluteRemaining === null ? null : at + absoluteRemaining - absoluteTimeout,
    lastActivity: idleRemaining === null ? null : at + idleRemaining - idleTimeout
  }
}

/** Told that the time was over. */
function saysEnded ({ status, body }: Did): boolean {
  return status === 401 && (body.reason === 'idle' || body.reason === 'absolute')
}

function endsSessionDeed (deed: Did['deed']): boolean {
  return deed === signOut || deed === endpointSignOut || deed === endById || deed === endAll
}

function endsSession ({ deed, status, body }: Did): boolean {
  if (deed === signIn) return status === 200 && body.user === 'ada'
  return endsSessionDeed(deed) && status < 300
}

function movesClock ({ deed, status, body }: Did): boolean {
  if (deed === extension) return status === 200 && body.active === true
  return (deed === touch || deed === savingVisit || deed === restart) && status === 200 && body.user === 'ada'
}

function isSave ({ deed }: Did): boolean {
  return deed === save || deed === otherSave || deed === savingVisit
}

function isSaved (one: Did): boolean {
  return isSave(one) && one.status === 200 && one.body.user === 'ada'
}
