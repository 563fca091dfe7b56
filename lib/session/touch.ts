import { now } from '../clock.js'
import { endedError } from '../errors.js'
import { clampRecord, endOf, isTouchDue, mergeRecords, type SessionRecord } from '../policy.js'
import { askStore } from '../store/call-store.js'
import { readStored } from '../store/guarded-store.js'
import { readRecord, removeRecord } from '../store/stored-session.js'
import { endByTimeout } from './end.js'
import type { KnownSession } from './known-session.js'
import { stamp } from './request-store.js'
import { tellable, type Timing, type Visit } from './visit.js'

/*
 * What moves the clock of a stored session: an activity, and a new beginning.
 *
 * Both write into the stored copy and leave request.session as the request loaded it: to @fastify/session the session
 * stays unmodified, so that it neither saves it a second time nor overwrites with it what another request stored.
 */

/**
 * Moves lastActivity of a session to that instant. Touches of one session are joined: N parallel requests, one write.
 * @returns false when the session turned out to be gone
 * @throws the store's error
 */
export function touch (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  return move(visit, session, at, false)
}

/** Gives a stored session that is older than the plugin its clock. @returns and @throws as {@link touch} */
export function stampStored (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  return move(visit, session, at, true)
}

async function move (visit: Visit, session: KnownSession, at: number, isFirstSight: boolean): Promise<boolean> {
  const limits = visit.limits()
  const interval = visit.registration.settings.touchInterval(limits.idle)
  while (session.touching !== undefined) {
    if (await session.touching === null) return false
    // A browser may report an activity of long ago: joining that one is not enough for an activity of now.
    if (session.record === null || !isTouchDue(session.record, interval, at)) return noteTouch(visit)
  }
  session.touching = patch(visit, session, extend).finally(() => { session.touching = undefined })
  return await session.touching !== null && noteTouch(visit)

  function extend (stored: SessionRecord | undefined): SessionRecord | undefined {
    const time = now()
    if (stored === undefined) {
      const start = Math.min(at, time)
      return isFirstSight ? { startedAt: start, lastActivity: start } : undefined
    }
    const clamped = clampRecord(stored, time)
    // Another process extended it meanwhile, or it has ended: nothing to write.
    const due = isTouchDue(clamped, interval, at) && endOf(clamped, limits, at) === null
    if (due) return mergeRecords(clamped, { ...clamped, lastActivity: at }, time)
    return clamped === stored ? undefined : clamped
  }
}

/**
 * Starts both clocks of a stored session anew, unless it turns out to have ended.
 * @returns false when the session turned out to be gone
 * @throws the store's error
 */
async function restart (visit: Visit, session: KnownSession): Promise<boolean> {
  const limits = visit.limits()
  const record = await patch(visit, session, stored => {
    const time = now()
    const ended = stored !== undefined && endOf(clampRecord(stored, time), limits, time) !== null
    if (ended) return undefined
    const ownExpiry = stored?.ownExpiry
    return { startedAt: time, lastActivity: time, ...(ownExpiry === undefined ? {} : { ownExpiry }) }
  })
  return record !== null && noteTouch(visit)
}

function noteTouch (visit: Visit): true {
  if (visit.registration.settings.rolling) visit.touchedAt = now()
  return true
}

/**
 * Writes a new record into the stored copy, and leaves everything else in it as it is.
 * It lives there by the general limits: a stricter route must not shorten the session for the others.
 * @param update given the stored record; what it returns is written, undefined writes nothing
 * @returns the record now in force, undefined when the session is not timed, or null when it is gone
 * @throws the store's error
 */
async function patch (
  visit: Visit, session: KnownSession, update: (stored: SessionRecord | undefined) => SessionRecord | undefined
): Promise<SessionRecord | null | undefined> {
  const { sessions } = visit.host
  const limits = visit.generalLimits()
  return sessions.inTurn(session, async one => {
    if (one.ended !== null) return null
    const { store } = sessions
    const stored = await readStored(store, one.id)
    if (stored === undefined) {
      sessions.noticeEnd(one)
      return null
    }
    const before = readRecord(stored)
    // The next check ends it; nothing mends it.
    if (before === null) return one.record
    const record = update(before)
    if (record !== undefined) {
      stamp(visit, stored, record, limits)
      let live: boolean | undefined
      try {
        live = await askStore<boolean>(answer => store.replace(one.id, stored, answer))
      } catch (error) {
        // MemoryStore handed out its own object: a touch that failed must not have extended anything.
        if (before) stamp(visit, stored, before, limits)
        else removeRecord(stored, record)
        throw error
      }
      if (!live) {
        sessions.noticeEnd(one)
        return null
      }
    }
    const inForce = record ?? before
    // Somebody took the user out of it, and with that its clock.
    if (inForce === undefined) one.record = null
    else one.learn(inForce, now())
    return inForce
  })
}

/**
 * An activity at that instant, which lies in the past when a browser reports what its user did.
 * It moves lastActivity forward only, and never past now. Nothing happens to a session that is not timed.
 * @throws FST_SESSION_TIMEOUT_ENDED, FST_SESSION_TIMEOUT_STORE when it could not be ended, or the store's error
 */
export async function touchAt (visit: Visit, at: number): Promise<void> {
  await refuseEnded(visit, visit.timing())
  const timing = visit.timing()
  if (timing === null || !isTouchDue(timing.record, touchIntervalOf(visit, timing), at)) return
  if (!await touch(visit, timing.session, at)) throw goneError(timing.session)
  // The store may know better than this request what has happened since it began.
  await refuseEnded(visit, visit.timing())
}

function touchIntervalOf (visit: Visit, { limits }: Timing): number {
  return visit.registration.settings.touchInterval(limits.idle)
}

/**
 * Both clocks from now. Nothing happens to a session that is not timed, or not stored yet: the write that stores it
 * starts its clocks, and a record put in here would cause that write.
 * @throws as {@link touchAt}
 */
export async function restartNow (visit: Visit): Promise<void> {
  // On a route that is not checked, too: it is no way round.
  await refuseEnded(visit, visit.clock())
  const session = visit.current
  if (session === null || (session.record === null && !visit.registration.settings.appliesTo(visit.request))) return
  if (!await restart(visit, session)) throw goneError(session)
  await refuseEnded(visit, visit.clock())
}

function goneError ({ ended }: KnownSession): Error {
  return endedError(tellable(ended)!)
}

/** Ends a session that is past its deadline by now, after asking the store whether others have extended it. */
async function refuseEnded (visit: Visit, timing: Timing | null): Promise<void> {
  if (visit.ended !== null) throw endedError(visit.ended)
  const at = now()
  const reason = timing && endOf(timing.record, timing.limits, at)
  if (reason === null) return
  const { session, limits } = timing!
  const outcome = await endByTimeout(visit, { session, limits, reason, at }, () => {})
  if (outcome.kind === 'ended') throw endedError(tellable(outcome.reason)!)
}
