import { now, second } from '../clock.js'
import { readGeneration, readRecord, writeGeneration, type StoredSession } from '../store/stored-session.js'
import type { UserEnd } from '../store/user-ends.js'
import type { KnownSession } from './known-session.js'
import type { Registration } from './registration.js'
import { digestOf, type Sessions } from './sessions.js'
import type { Visit } from './visit.js'

/*
 * What becomes of the sessions of a user who was signed out everywhere (lib/store/user-ends.ts): each is found to be over
 * when it is looked at, by whichever process.
 */

/** A session as it was loaded, and whose it is: null, or text of the option `user`. */
export interface UserSession {
  readonly session: StoredSession
  readonly user: string
}

/** What was found: live; ended for that; over already; or another one than was loaded, since its user has signed in anew. */
export type UserCheck = 'live' | 'ended' | 'gone' | 'replaced'

/** By how much instants may differ that two requests, or two processes, have read from their clocks. */
const tolerance = second

/** Null where nobody is signed in, or the application does not say who. */
export function userOf ({ settings }: Registration, session: StoredSession): string | null {
  return settings.knowsUsers ? settings.user(session) : null
}

/**
 * The user of a session of which the store has to be asked now whether that user was signed out everywhere: at first
 * sight of the session in this process, and once in each touchInterval. Null for none.
 */
export function userToLookUp (visit: Visit, known: KnownSession, session: StoredSession, at: number): string | null {
  const { registration, registration: { settings }, route } = visit
  if (!settings.knowsUsers) return null
  if (known.userKey !== undefined) {
    // A route that is not checked has no limits of its own, and is no way round.
    const idle = route?.checked === false ? settings.fixedIdle ?? false : visit.limits().idle
    if (!isLookDue(known, at, settings.touchInterval(idle))) return null
  }
  return userOf(registration, session)
}

export function isLookDue (known: KnownSession, at: number, interval: number): boolean {
  const age = at - known.lookedAt
  // While the question is under way, nobody goes on by what was known before.
  return known.mustRecheckUser || known.looking !== undefined || age >= interval || age < -tolerance
}

/** Requests of one session share one question, unless the answer may be older than what was heard. @throws the store's error */
function lookUp (sessions: Sessions, known: KnownSession, user: string): Promise<UserEnd | undefined> {
  const { looking, mustRecheckUser, userKey } = known
  const isShared = !mustRecheckUser && userKey === sessions.userEnds.keyOf(user)
  return looking !== undefined && isShared ? looking : ask(sessions, known, user)
}

function ask (sessions: Sessions, known: KnownSession, user: string): Promise<UserEnd | undefined> {
  // Before the question: who signs the user out now finds the session, and has it looked at again.
  known.userKey = sessions.userEnds.keyOf(user)
  known.mustRecheckUser = false
  const at = now()
  const looking = sessions.userEnds.read(user).then(end => {
    known.lookedAt = Math.max(known.lookedAt, at)
    return end
  }, error => {
    known.mustRecheckUser = true
    throw error
  }).finally(() => {
    if (known.looking === looking) known.looking = undefined
  })
  known.looking = looking
  return looking
}

/** Whether a session is over by that. */
export function isOver (end: UserEnd, id: string, session: StoredSession): boolean {
  return end.generation !== readGeneration(session) && !end.spared.includes(digestOf(id))
}

/** Whether the user of a session was signed out everywhere since that user signed in there. @throws the store's error */
export async function isSignedOut (
  sessions: Sessions, known: KnownSession, { session, user }: UserSession
): Promise<boolean> {
  if (await findEnd(sessions, known, { session, user }) === undefined) return false
  // It is not ended here: connections that are open look for themselves.
  known.watch?.lookUpWithin(0)
  return true
}

/**
 * The sign-out everywhere by which a session is over. Until the session has ended, whoever comes next has to find it
 * again.
 */
async function findEnd (
  sessions: Sessions, known: KnownSession, { session, user }: UserSession
): Promise<UserEnd | undefined> {
  const end = await lookUp(sessions, known, user)
  if (end === undefined || !isOver(end, known.id, session)) return undefined
  known.mustRecheckUser = true
  return end
}

/** Ends a session whose user was signed out everywhere. @throws the store's error, or FST_SESSION_TIMEOUT_INVALID_OPTION */
export async function endIfSignedOut (
  registration: Registration, sessions: Sessions, known: KnownSession, held: UserSession, cookie?: string
): Promise<UserCheck> {
  const end = await findEnd(sessions, known, held)
  if (end === undefined) return 'live'
  return sessions.inTurn(known, async one => {
    // Another request may have found the same.
    if (one.ended !== null) return 'gone'
    const stored = await sessions.store.get(one.id)
    if (stored === undefined) {
      sessions.noticeEnd(one)
      return 'gone'
    }
    const user = userOf(registration, stored)
    const isSame = user !== null && sessions.userEnds.keyOf(user) === sessions.userEnds.keyOf(held.user)
    if (!isSame || !isOver(end, one.id, stored)) return 'replaced'
    one.record ??= readRecord(stored) ?? null
    await sessions.end(one, 'revoked', { cookie })
    return 'ended'
  })
}

/**
 * What a session takes with it whose user signs in now: that it has begun after the latest sign-out everywhere. One in
 * another process that was later than this request arrived is not among those: what the request has checked may have
 * been the old password.
 * @returns undefined for a session of nobody, and where there was none
 * @throws the store's error
 */
export async function generationOfSignIn (
  visit: Visit, known: KnownSession, user: string | null
): Promise<string | undefined> {
  if (user === null) return undefined
  const end = await ask(visit.host.sessions, known, user)
  return end && generationAfter(visit, known, end)
}

function generationAfter (visit: Visit, known: KnownSession, end: UserEnd): string | undefined {
  // What has happened and lies ahead comes of clocks that differ: nobody is to be locked out by that.
  const isAhead = end.at > now() + tolerance
  if (end.at <= visit.at || isAhead || visit.host.sessions.userEnds.isOurs(end)) return end.generation
  known.mustRecheckUser = true
  return undefined
}

/** What a stored session takes with it that is written anew. @throws as {@link generationOfSignIn} */
export async function generationFor (
  visit: Visit, known: KnownSession, stored: StoredSession, session: StoredSession
): Promise<unknown> {
  const user = userOf(visit.registration, session)
  if (user === null) return undefined
  return hasSignedIn(visit, stored, session, user) ? generationOfSignIn(visit, known, user) : readGeneration(stored)
}

/** Whether a session that is written now has another user than the stored one, or the first. */
function hasSignedIn (visit: Visit, stored: StoredSession, session: StoredSession, user: string): boolean {
  // A store in memory may keep the very object that the application has just changed.
  if (stored === session) return readRecord(stored) === undefined
  return userOf(visit.registration, stored) !== user
}

/**
 * Whether a successor by `regenerate(keys)` may carry the user of a session on. If that user was signed out everywhere
 * since, the session is ended here. @throws the store's error
 */
export async function admitSuccessor (
  visit: Visit, old: KnownSession, known: KnownSession, successor: StoredSession
): Promise<boolean> {
  const { registration, request, host: { sessions } } = visit
  const user = userOf(registration, successor)
  const end = user === null ? undefined : await ask(sessions, known, user)
  writeGeneration(successor, end?.generation)
  if (user === null || end === undefined) return true
  const stored = await sessions.store.get(old.id)
  // Ended meanwhile: whoever stores the successor finds that as well.
  if (stored === undefined || !isOver(end, old.id, stored)) return true
  if (hasSignedIn(visit, stored, request.session, user)) {
    writeGeneration(successor, generationAfter(visit, known, end))
    return true
  }
  await sessions.end(old, 'revoked', { sparing: known.id })
  return false
}
