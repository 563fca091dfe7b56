import type { SessionTimeout } from '../../types/index.js'
import type { TimeoutReason } from '../../types/reasons.js'
import { now } from '../clock.js'
import { StoreError } from '../errors.js'
import { clampRecord, endOf, type Limits } from '../policy.js'
import { askStore } from '../store/call-store.js'
import { readStored } from '../store/guarded-store.js'
import { dataOf, readRecord } from '../store/stored-session.js'
import type { KnownSession, Outcome } from './known-session.js'
import type { Sessions } from './sessions.js'
import type { Visit } from './visit.js'

/** What is wanted: the end of a session that is past a deadline at that instant. */
export interface DueEnd {
  readonly session: KnownSession
  /** The limits that were passed; other requests may know laxer ones. */
  readonly limits: Limits
  readonly reason: TimeoutReason
  /** Epoch ms. */
  readonly at: number
}

/**
 * Ends a session that is past a deadline: destroyed first, then everything else, once.
 * @param release what the request lets go of once the session is destroyed, before anyone is told
 * @throws FST_SESSION_TIMEOUT_STORE; then the session is still there and nothing else was done
 */
export async function endByTimeout (visit: Visit, due: DueEnd, release: () => Promise<void> | void): Promise<Outcome> {
  const data = visit.request.session
  const outcome = await endOnce(visit, due)
  if (outcome.kind === 'live') return outcome
  await release()
  if (outcome.by === 'us') {
    const timeout = describeEnd(due.session.id, data, outcome)
    const { reason, idleFor, startedAt } = timeout
    // No id, no secret, no data.
    visit.request.log.info({ reason, idleFor, age: startedAt === null ? null : Math.max(0, now() - startedAt) }, 'session timed out')
    await tellTimeout(visit, timeout)
  }
  return outcome
}

/** Attempts for one session are joined: one destroy, and one failure. */
async function endOnce (visit: Visit, due: DueEnd): Promise<Outcome> {
  const { session, limits, at } = due
  while (session.ending !== undefined) {
    const outcome = await session.ending
    if (outcome.kind === 'ended') return { kind: 'ended', by: 'others', reason: outcome.reason }
    // Live by the limits of the other request; this one's may be stricter.
    if (outcome.record === null || endOf(outcome.record, limits, at) === null) return outcome
  }
  const { sessions } = visit.host
  session.ending = sessions.inTurn(session, one => destroyUnlessLive(sessions, { ...due, session: one }, visit.cookie))
    .finally(() => { session.ending = undefined })
  return session.ending
}

async function destroyUnlessLive (
  sessions: Sessions, { session, limits, reason, at }: DueEnd, cookie: string | undefined
): Promise<Outcome> {
  // Others may have ended it while this one waited for its turn.
  if (session.ended !== null) return { kind: 'ended', by: 'others', reason: session.ended }
  let { record } = session
  const { store } = sessions
  try {
    const stored = await readStored(store, session.id)
    if (stored === undefined) {
      sessions.noticeEnd(session, reason, cookie)
      return { kind: 'ended', by: 'others', reason }
    }
    // A request may have extended the session since this one loaded it, in this process or in another.
    const latest = readRecord(stored)
    if (latest === undefined) {
      // Somebody took the user out of it, and with that its clock.
      session.record = null
      return { kind: 'live', record: null }
    }
    if (latest !== null) {
      record = session.record = clampRecord(latest, at)
      const verdict = endOf(record, limits, at)
      if (verdict === null) return { kind: 'live', record }
      reason = verdict
    }
    await askStore<void>(answer => sessions.end(session, reason, cookie, answer))
  } catch (cause) {
    throw new StoreError({ cause })
  }
  return { kind: 'ended', by: 'us', reason, record }
}

/** Calls onTimeout, and finds out whether it replied: reply.sent is true only after the onSend hooks, which may wait for the store. */
async function tellTimeout (visit: Visit, timeout: SessionTimeout): Promise<void> {
  const { onTimeout } = visit.registration.settings
  if (onTimeout === undefined) return
  const reply = visit.reply as { send?: (payload?: unknown) => unknown }
  const send = reply.send!
  reply.send = function sendAndNote (payload) {
    visit.replied = true
    return send.call(reply, payload)
  }
  try {
    await onTimeout(visit.request, visit.reply, timeout)
  } finally {
    delete reply.send
  }
}

/** What onTimeout is told. */
function describeEnd (
  sessionId: string, session: Visit['request']['session'], { record, reason }: Extract<Outcome, { by: 'us' }>
): SessionTimeout {
  const { startedAt, lastActivity } = record ?? { startedAt: null, lastActivity: null }
  return Object.freeze({
    reason,
    startedAt,
    lastActivity,
    idleFor: lastActivity === null ? null : Math.max(0, now() - lastActivity),
    sessionId,
    session: dataOf(session)
  })
}

/**
 * Ends a session that nobody here need be using: an administrator's revocation, a limit of sessions for each user.
 * @returns whether there was one
 * @throws FST_SESSION_TIMEOUT_STORE
 */
export function revoke (sessions: Sessions, id: string): Promise<boolean> {
  const held = sessions.use(id)
  return sessions.inTurn(held, session => revokeStored(sessions, session))
    .catch(cause => { throw new StoreError({ cause }) })
    .finally(() => sessions.release(held))
}

async function revokeStored (sessions: Sessions, session: KnownSession): Promise<boolean> {
  const stored = await readStored(sessions.store, session.id)
  if (stored === undefined) {
    if (session.stored) sessions.noticeEnd(session)
    return false
  }
  session.record ??= readRecord(stored) ?? null
  await askStore<void>(answer => sessions.end(session, 'revoked', undefined, answer))
  return true
}
