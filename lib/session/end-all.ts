import { now } from '../clock.js'
import { asStoreError, invalidArgument, invalidOption } from '../errors.js'
import { endOf } from '../policy.js'
import { nameOfUser } from '../settings/option-functions.js'
import { graceOf, copyExpiryOf } from '../store/record-entries.js'
import { expiryOf, readRecord, type StoredSession } from '../store/stored-session.js'
import type { UserEnd } from '../store/user-ends.js'
import { refreshRecord } from './refresh-record.js'
import { findSessions, type Registration } from './registration.js'
import { digestOf, type Sessions } from './sessions.js'
import { isOver, userOf } from './signed-out-users.js'

/** A sign-out everywhere that is under way. */
interface SignOut {
  readonly registration: Registration
  readonly sessions: Sessions
  /** As the option `user` is read. */
  readonly user: string
  readonly userKey: string
  /** What was in force before. */
  readonly before: UserEnd | undefined
}

/**
 * Ends every session of a user that has begun before now, but the excepted one.
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION without the option `user`, and for what is no user or no id of a session
 * @throws FST_SESSION_TIMEOUT_STORE; then some, or all, of them may still be open
 */
export async function endAll (registration: Registration, user: unknown, options: unknown = {}): Promise<void> {
  if (!registration.settings.knowsUsers) throw invalidOption('user', 'given for app.sessionTimeout.endAll(): it tells whose a session is', undefined)
  const name = readUserName(user)
  const except = readExcept(options)
  const sessions = await findSessions(registration)
  const userKey = sessions.userEnds.keyOf(name)
  try {
    await sessions.inTurnOfUser(userKey, async () => {
      const before = await sessions.userEnds.read(name)
      await signOut({ registration, sessions, user: name, userKey, before }, except)
    })
  } catch (error) {
    throw asStoreError(error)
  } finally {
    // Also after a failure: what was written may have landed.
    sessions.notifyUserSignedOut(userKey)
  }
}

async function signOut (one: SignOut, except: string | undefined): Promise<void> {
  const { sessions: { userEnds }, user, before, registration: { settings } } = one
  const at = now()
  const end = {
    generation: userEnds.nextGeneration(),
    at,
    expiresAt: Math.max(before?.expiresAt ?? 0, at + settings.longestLife + graceOf(settings.storeGrace))
  }
  const spared = await spare(one, except)
  await userEnds.write(user, { ...end, spared })
  const found = await userEnds.read(user)
  // Stores lose what does not fit into a column, or is to live longer than they can count.
  if (found === undefined || found.generation === before?.generation) {
    throw new Error('The session store has not kept what says that a user was signed out everywhere')
  }
  // A request under way may have exchanged the excepted session just before.
  const late = await spare(one, except, spared)
  if (late.length > spared.length) await userEnds.write(user, { ...end, spared: late })
}

/** The excepted session and those that it was exchanged for, by their digests; each with its instants from now. */
async function spare (one: SignOut, except: string | undefined, already: readonly string[] = []): Promise<string[]> {
  const { store } = one.sessions
  const spared = [...already]
  for (let id = except; id !== undefined; id = await store.successorOf(id)) {
    const digest = digestOf(id)
    if (!spared.includes(digest) && await keep(one, id)) spared.push(digest)
  }
  return spared
}

/** @returns false for a session that is over by an earlier sign-out everywhere: nothing revives it */
async function keep (one: SignOut, id: string): Promise<boolean> {
  const { registration, sessions, userKey, before } = one
  const stored = await sessions.store.get(id)
  // A new one, in which the user is about to sign in; or one that is gone.
  if (stored === undefined) return true
  const user = userOf(registration, stored)
  if (user === null || sessions.userEnds.keyOf(user) !== userKey) return true
  if (before !== undefined && isOver(before, id, stored)) return false
  await restart(one, id, stored)
  return true
}

/** Starts both instants of a timed session anew, unless it is past its deadline: whoever comes with it next ends it. */
async function restart ({ registration, sessions }: SignOut, id: string, stored: StoredSession): Promise<void> {
  const { fixedLimits, storeGrace } = registration.settings
  const held = sessions.use(id)
  try {
    const saved = readRecord(stored)
    const limits = held.limits ?? fixedLimits
    if (!saved || limits === undefined) return
    held.learnSaved(saved, now())
    await refreshRecord(sessions, held)
    const at = now()
    if (held.record === null || held.ended !== null || endOf(held.record, limits, at) !== null) return
    const restarted = { startedAt: at, lastActivity: at }
    held.noteEntry('start')
    const expiresAt = Math.max(expiryOf(stored) ?? 0, copyExpiryOf(restarted, limits, storeGrace))
    await sessions.recordEntries.writeStart(id, restarted, held.isUnstamped, expiresAt)
    held.learn(restarted, now())
  } finally {
    sessions.release(held)
  }
}

function readUserName (user: unknown): string {
  const name = nameOfUser(user)
  if (name === undefined) throw invalidArgument('endAll(user)', 'a string or a number, as the option user returns it', user)
  return name
}

/** A misspelt `except` would end the very session that was meant to stay, and another thing than an id would spare none. */
function readExcept (options: unknown): string | undefined {
  if (options === null || typeof options !== 'object') throw invalidArgument('endAll(user, options)', '{ except }', options)
  const { except, ...unknown } = options as { except?: unknown }
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw invalidArgument(`endAll(user, { ${name} })`, 'left out: there is only except', unknown)
  if (except !== undefined && (typeof except !== 'string' || except === '')) {
    throw invalidArgument('endAll(user, { except })', 'the sessionId of a session', except)
  }
  return except
}
