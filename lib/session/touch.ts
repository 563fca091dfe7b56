import { now } from '../clock.js'
import { endedError } from '../errors.js'
import { endOf, isAhead, isTouchDue, joinRecords, type SessionRecord } from '../policy.js'
import { isCopyShort, copyExpiryOf, entryExpiryOf } from '../store/record-entries.js'
import { readRecord, writeExpiry, writeRecord } from '../store/stored-session.js'
import { refreshRecord } from './refresh-record.js'
import { explain } from './decisions.js'
import { endByTimeout } from './end.js'
import type { KnownSession, Touches } from './known-session.js'
import { endIfSignedOut, userToLookUp } from './signed-out-users.js'
import { publicReason, type Timing, type Visit } from './visit.js'

/*
 * What moves the record of a stored session: an activity, and a new beginning.
 *
 * Both write entries of their own (lib/store/record-entries.ts) and leave the session alone: they wait for no save, and no
 * save is lost to them.
 */

/**
 * Moves lastActivity of a session to that instant. Touches of one session are joined: of N parallel requests the first
 * one writes, and those that it does not cover share the next write.
 * @returns false when the session turned out to be over
 * @throws the store's error
 */
export async function touch (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  const isLive = await join(visit, session, at)
  if (isLive) noteTouch(visit)
  return isLive
}

function join (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  const { touches } = session
  if (touches === undefined) return begin(visit, session, at)
  const isCovered = at <= touches.at || at - touches.at < intervalOf(visit)
  if (isCovered) return touches.running
  touches.nextAt = Math.max(touches.nextAt, at)
  touches.next ??= touches.running.then(ignore, ignore).then(() => begin(visit, session, touches.nextAt))
  return touches.next
}

function begin (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  const running = move(visit, session, at).finally(() => {
    if (touches.next === undefined) session.touches = undefined
  })
  const touches: Touches = { at, running, next: undefined, nextAt: at }
  session.touches = touches
  return running
}

async function move (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  const { recordEntries } = visit.host.sessions
  const limits = visit.limits()
  const theirs = await recordEntries.readActivity(session.id)
  if (theirs !== undefined && session.record !== null) session.learn(theirs, now())
  if (session.ended !== null) return false
  const { record } = session
  // Another process extended it meanwhile, or it is past its deadline, or its user was taken out: nothing to write.
  if (record === null || !isTouchDue(record, intervalOf(visit), at) || endOf(record, limits, at) !== null) return true
  const moved = joinRecords({ ...record, lastActivity: at }, record, now())
  await writeActivity(visit, session, moved)
  if (session.ended !== null) {
    recordEntries.drop(session.id, session.entries)
    return false
  }
  if (session.record !== null) session.learn(moved, now())
  return isCopyLastingFor(visit, moved) || prolongCopy(visit, session)
}

/** Entries live by the general limits: a stricter route must not shorten the session for the others. */
async function writeActivity (visit: Visit, session: KnownSession, record: SessionRecord): Promise<void> {
  const { host: { sessions: { recordEntries } }, registration: { settings: { storeGrace } } } = visit
  session.noteEntry('activity')
  await recordEntries.writeActivity(session.id, record, entryExpiryOf(record, visit.generalLimits(), storeGrace))
}

async function writeStart (visit: Visit, session: KnownSession, record: SessionRecord): Promise<void> {
  const { host: { sessions: { recordEntries } }, registration: { settings: { storeGrace } } } = visit
  session.noteEntry('start')
  // As long as the session can live: without it, a session that has no record of its own would begin once more.
  const expiresAt = Math.max(visit.copyExpiresAt ?? 0, copyExpiryOf(record, visit.generalLimits(), storeGrace))
  await recordEntries.writeStart(session.id, record, session.isUnstamped, expiresAt)
}

function isCopyLastingFor (visit: Visit, record: SessionRecord): boolean {
  const { initial, copyExpiresAt, registration: { settings: { storeGrace } } } = visit
  // One without a record of ours lives as long as the application meant it to.
  if (copyExpiresAt === undefined || initial === null || initial.isUnstamped || !visit.isUnchanged) return true
  return !isCopyShort(copyExpiresAt, record, visit.generalLimits(), storeGrace)
}

/**
 * Gives the stored copy a longer life by writing it anew: for a session in use that the application has not saved for a
 * week, or whose record was restarted again and again.
 */
async function prolongCopy (visit: Visit, session: KnownSession): Promise<boolean> {
  const { sessions } = visit.host
  const { storeGrace } = visit.registration.settings
  return sessions.inTurn(session, async one => {
    const stored = await sessions.store.get(one.id)
    if (stored !== undefined) {
      const theirs = readRecord(stored)
      if (!theirs || one.record === null) return true
      const record = joinRecords(one.record, theirs, now())
      writeRecord(stored, record)
      writeExpiry(stored, copyExpiryOf(record, visit.generalLimits(), storeGrace))
      if (await sessions.store.replace(one.id, stored)) return true
    }
    sessions.noticeEnd(one)
    return false
  })
}

/**
 * Gives a record to a stored session that has none: it is older than the plugin, or was stored where appliesTo said no.
 * @returns false when the session turned out to be over
 * @throws the store's error
 */
export async function stampStored (visit: Visit, session: KnownSession, at: number): Promise<boolean> {
  session.isUnstamped = true
  await refreshRecord(visit.host.sessions, session)
  if (session.record === null) {
    const start = Math.min(at, now())
    const record = { startedAt: start, lastActivity: start }
    await writeStart(visit, session, record)
    session.learn(record, now())
    noteTouch(visit)
  }
  return session.ended === null
}

/**
 * After the clock was set back: takes what lies in the future as now, and writes it, so that it stands still from here
 * on, in every process. @throws the store's error
 */
export async function rewriteFutureRecord (visit: Visit, session: KnownSession, saved: SessionRecord): Promise<void> {
  const { activity, start } = await visit.host.sessions.recordEntries.read(session.id)
  const at = now()
  for (const known of [session.record, activity, start]) if (known) session.learn(known, at)
  // What is saved counts last: it stays in the future until the application saves again.
  const record = session.learnSaved(saved, at)
  if (activity && start && !isAhead(activity, at) && !isAhead(start, at)) return
  await writeStart(visit, session, record)
  await writeActivity(visit, session, record)
}

/**
 * Starts both instants of a stored session anew, unless it turns out to have ended.
 * @returns false when the session turned out to be gone
 * @throws the store's error
 */
async function restart (visit: Visit, session: KnownSession): Promise<boolean> {
  const { sessions } = visit.host
  const [stored] = await Promise.all([sessions.store.get(session.id), refreshRecord(sessions, session)])
  if (stored === undefined) sessions.noticeEnd(session)
  if (stored === undefined || session.ended !== null) return false
  visit.seenAt = now()
  const theirs = readRecord(stored)
  // Nothing repairs a malformed record: the next check ends the session.
  if (theirs === null) throw endedError('idle')
  const at = now()
  if (theirs) session.learnSaved(theirs, at)
  else if (session.record !== null && !session.isUnstamped) {
    // The user was taken out of it in another process, and with that its record.
    session.record = null
    return true
  }
  const { record } = session
  // Past its deadline: whoever asked ends it next.
  if (record !== null && endOf(record, visit.limits(), at) !== null) return true
  const restarted = { startedAt: at, lastActivity: at }
  if (record === null) session.isUnstamped = true
  await writeStart(visit, session, restarted)
  if (session.ended !== null) {
    sessions.recordEntries.drop(session.id, session.entries)
    return false
  }
  session.learn(restarted, now())
  noteTouch(visit)
  return true
}

function noteTouch (visit: Visit): void {
  if (visit.registration.settings.rolling) visit.renewed = true
}

function intervalOf (visit: Visit): number {
  return visit.registration.settings.touchInterval(visit.limits().idle)
}

/**
 * An activity at that instant, which lies in the past when a browser reports what its user did.
 * It moves lastActivity forward only, and never past now. Nothing happens to a session that is not timed.
 * @throws FST_SESSION_TIMEOUT_ENDED, FST_SESSION_TIMEOUT_STORE when it could not be ended, or the store's error
 */
export async function touchAt (visit: Visit, at: number): Promise<void> {
  await refuseEnded(visit, visit.timing())
  const timing = visit.timing()
  if (timing === null) return
  if (!isTouchDue(timing.record, intervalOf(visit), at)) return explain(visit, 'notDue', timing.record)
  await refuseSignedOut(visit, timing.session)
  if (!await visit.isStillThere(timing.session)) throw goneError(timing.session)
  if (!await touch(visit, timing.session, at)) throw goneError(timing.session)
  explain(visit, 'touched', timing.record)
  // The store may know better than this request what has happened since it began.
  await refuseEnded(visit, visit.timing())
}

/**
 * Both instants from now. Nothing happens to a session that is not timed, or not stored yet: the write that stores it
 * gives it a record, and a record put in here would cause that write.
 * @throws as {@link touchAt}
 */
export async function restartNow (visit: Visit): Promise<void> {
  // On a route that is not checked, too: it is no way round.
  await refuseEnded(visit, visit.timingOnAnyRoute())
  const session = visit.current
  if (session === null || (session.record === null && !visit.registration.settings.appliesTo(visit.request))) return
  const before = session.record
  await refuseSignedOut(visit, session)
  if (!await restart(visit, session)) throw goneError(session)
  explain(visit, 'restarted', before)
  await refuseEnded(visit, visit.timingOnAnyRoute())
}

function goneError ({ ended }: KnownSession): Error {
  return endedError(publicReason(ended))
}

/** Ends a session whose user was signed out everywhere. */
async function refuseSignedOut (visit: Visit, known: KnownSession): Promise<void> {
  const { registration, host: { sessions }, request: { session } } = visit
  const user = userToLookUp(visit, known, session, now())
  if (user === null) return
  if (await endIfSignedOut(registration, sessions, known, { session, user }, visit.cookie) !== 'live') throw endedError('missing')
}

/** Ends a session that is past its deadline by now, after asking the store whether others have extended it. */
async function refuseEnded (visit: Visit, timing: Timing | null): Promise<void> {
  if (visit.ended !== null) throw endedError(visit.ended)
  if (timing === null) return
  const { session, record, limits } = timing
  const at = now()
  const reason = endOf(record, limits, at)
  if (reason === null) return
  const outcome = await endByTimeout(visit, { session, limits, reason, at }, () => {})
  if (outcome.kind === 'ended') throw endedError(publicReason(outcome.reason))
}

function ignore (): void {}
