import { policies, type FastifySessionTimeoutOptions } from '../../index.js'
import { openApplication, pause, type Answer, type Application } from './application.js'
import { finding, type Finding, type Guard } from './report.js'
import { read, watch, type Watched } from './store-access.js'
import type { Scene, StoreUnderTest } from './subject.js'

const minute = 60_000
const day = 24 * 60 * minute

const limits: ReadonlyArray<[name: string, timeout: FastifySessionTimeoutOptions, absolute: number]> = [
  ['30 minutes idle', { idleTimeout: 30 * minute, absoluteTimeout: day }, day],
  // In use for longer than a day, and never saved.
  ['no absolute limit', { idleTimeout: 30 * minute, absoluteTimeout: false }, Infinity],
  ['nistAal1', { ...policies.nistAal1 }, 30 * day]
]

/** What came of one look at the store's own expiry. */
interface Look {
  readonly holds: boolean | null
  readonly says: string
  /** Seconds between the expiry and what it should be. */
  readonly off: number
}

/** Whether the store forgets sessions and their clocks when it should, after every kind of write. */
export async function checkExpiry (scene: Scene): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const guard of scene.guards) {
    for (const [name, timeout, absolute] of limits) {
      const says = guard === 'replace' ? `${name}, written by replace` : name
      findings.push(...summarise(says, await lookAfterWrites(scene, guard, timeout, absolute)))
    }
  }
  return [...findings, await checkBasket(scene)]
}

async function lookAfterWrites (
  scene: Scene, guard: Guard, timeout: FastifySessionTimeoutOptions, absolute: number
): Promise<Map<string, Look>> {
  const { subject, options: { storeGrace }, open } = scene
  const store = await open(guard)
  const watched = watch(store)
  const app = await openApplication(store, { timeout: { ...timeout, touchInterval: 0 } })
  const looks = new Map<string, Look>()
  let answer: Answer = await signIn(app)
  let { cookie, sessionId } = answer
  looks.set('sign-in', await look('copy'))
  for (const path of ['touch', 'restart', 'modify', 'regenerate']) {
    // An instant that is stored already is not written again.
    await pause(5)
    watched.reset()
    answer = await app.ask({ path: `/${path}`, cookie })
    cookie = answer.cookie ?? cookie
    sessionId = answer.sessionId
    // A touch and a restart write an entry beside the session, which stays as it is.
    const name = path === 'modify' ? 'save' : path
    looks.set(name, await look(path === 'touch' ? 'activity' : path === 'restart' ? 'start' : 'copy'))
    if (path === 'touch') looks.set('a touch of the session itself', await look('untouched'))
  }
  await app.close()
  return looks

  async function look (what: 'copy' | 'untouched' | 'activity' | 'start'): Promise<Look> {
    const id = what === 'untouched' ? sessionId! : written(watched, sessionId!, what === 'copy')
    if (id === undefined) return { holds: false, says: 'nothing was written', off: 0 }
    const { userId, startedAt, expiresAt } = await app.ask({ path: '/me', cookie })
    if (userId === null || startedAt === null || expiresAt === null) {
      return { holds: false, says: 'the session cannot be read again', off: 0 }
    }
    const expected = what === 'activity' ? expiresAt : Math.min(startedAt + absolute, expiresAt + 7 * day)
    return lookAt(subject, store, id, expected + storeGrace)
  }
}

/** One sentence for all that came out the same. */
function summarise (name: string, looks: Map<string, Look>): Finding[] {
  const outcomes = new Set([...looks.values()].map(({ says }) => says))
  return [...outcomes].map(says => {
    const group = [...looks].filter(([, look]) => look.says === says)
    const off = Math.max(...group.map(([, look]) => look.off))
    const after = list.format(group.map(([after]) => after))
    const within = off > 0 ? `, within ${off} s` : ''
    return finding('expiry', group[0]![1].holds, `${name}, after ${after}: ${says}${within}`)
  })
}

const list = new Intl.ListFormat('en-GB')

/** A visitor's session that follows a user's at sign-out is the host's to time. */
async function checkBasket ({ subject, open }: Scene): Promise<Finding> {
  const store = await open()
  const app = await openApplication(store, { maxAge: 7 * day, timeout: { idleTimeout: 30 * minute } })
  const { cookie } = await signIn(app)
  const { sessionId } = await app.ask({ path: '/leave', cookie })
  const found = sessionId !== null && await read(store, sessionId) !== null
  const { holds, says } = found
    ? await lookAt(subject, store, sessionId, Date.now() + 7 * day)
    : { holds: false, says: 'it is gone' }
  await app.close()
  return finding('expiry', holds, `a basket kept at sign-out lives by the host's own maxAge: ${says}`)
}

/** Compares what the store itself says with what it should. */
export async function lookAt (subject: StoreUnderTest, store: object, id: string, expected: number): Promise<Look> {
  if (!subject.expiresAt) return { holds: null, says: 'not looked at, for want of expiresAt', off: 0 }
  const expiry = await subject.expiresAt(store, id)
  if (expiry === undefined) return { holds: false, says: 'the store does not have it', off: 0 }
  if (expiry === null) return { holds: false, says: 'never forgotten', off: 0 }
  const off = expiry - expected
  if (Math.abs(off) <= minute) {
    return { holds: true, says: 'forgotten when it should be', off: Math.max(1, Math.ceil(Math.abs(off) / 1000)) }
  }
  const hours = (Math.abs(off) / (60 * minute)).toFixed(1)
  return { holds: false, says: `forgotten ${hours} h too ${off < 0 ? 'early' : 'late'}`, off: 0 }
}

/** The id under which something was written: the session, or an entry beside it. */
function written ({ calls }: Watched, sessionId: string, isSession: boolean): string | undefined {
  const writes = calls.filter(({ operation, error }) => !error && (operation === 'set' || operation === 'replace'))
  return writes.findLast(({ id }) => (id === sessionId) === isSession)?.id
}

/** A user, signed in. */
export async function signIn (app: Application): Promise<Answer & { cookie: string, sessionId: string }> {
  const answer = await app.ask({ path: '/sign-in' })
  if (answer.cookie === undefined || answer.sessionId === null) {
    throw new Error(`Signing in was answered with ${answer.status || 'nothing'}`)
  }
  return answer as Answer & { cookie: string, sessionId: string }
}
