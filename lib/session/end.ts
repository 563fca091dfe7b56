import type { SessionTimeout } from '../../types/index.js'
import type { TimeoutReason } from '../../types/reasons.js'
import { now } from '../clock.js'
import { StoreError } from '../errors.js'
import { endOf, type Limits } from '../policy.js'
import { dataOf, readRecord } from '../store/stored-session.js'
import { refreshRecord } from './refresh-record.js'
import { explain } from './decisions.js'
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
  const before = due.session.record
  const outcome = await endOnce(visit, due)
  if (outcome.kind === 'live') {
    if (outcome.record !== null) explain(visit, 'kept', outcome.record, due.limits)
    return outcome
  }
  if (outcome.by === 'us') explain(visit, outcome.reason, outcome.record, due.limits)
  else explain(visit, 'ended', before, due.limits)
  await release()
  if (outcome.by === 'us') {
    const timeout = describeEnd(due.session.id, data, outcome)
    const { reason, idleFor, startedAt } = timeout
    // No id, no secret, no data.
    visit.request.log.info({ reason, idleFor, age: startedAt === null ? null : Math.max(0, now() - startedAt) }, 'session timed out')
    await callOnTimeout(visit, timeout)
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
  session.ending = sessions.inTurn(session, one => destroyUnlessLive(visit, { ...due, session: one }))
    .finally(() => { session.ending = undefined })
  return session.ending
}

async function destroyUnlessLive (visit: Visit, { session, limits, reason, at }: DueEnd): Promise<Outcome> {
  // Others may have ended it while this one waited for its turn.
  if (session.ended !== null) return { kind: 'ended', by: 'others', reason: session.ended }
  const { sessions } = visit.host
  const { cookie } = visit
  try {
    // One that came in time may be extending it just now.
    await session.touches?.running.catch(() => {})
    const [stored] = await Promise.all([sessions.store.get(session.id), refreshRecord(sessions, session)])
    if (stored === undefined) {
      // Renewed in time by another process, it has not timed out.
      const cause = await sessions.store.successorOf(session.id) === undefined ? reason : 'missing'
      sessions.noticeEnd(session, cause, cookie)
      return { kind: 'ended', by: 'others', reason: cause }
    }
    // A request may have saved the session since this one loaded it, in this process or in another.
    const saved = readRecord(stored)
    if (saved === undefined && (!session.isUnstamped || session.record === null)) {
      // The user was taken out of it, and with that its record.
      session.record = null
      return { kind: 'live', record: null }
    }
    // A malformed record has no instants, and no deadline that could be later.
    if (saved === null) session.record = null
    else if (saved) session.learnSaved(saved, at)
    const { record } = session
    if (record !== null) {
      const verdict = endOf(record, limits, at)
      if (verdict === null) return { kind: 'live', record }
      reason = verdict
    }
    await sessions.end(session, reason, { cookie, keepReason: at + visit.registration.settings.storeGrace })
    return { kind: 'ended', by: 'us', reason, record }
  } catch (cause) {
    throw new StoreError({ cause })
  }
}

/** Calls onTimeout, and finds out whether it replied: reply.sent is true only after the onSend hooks, which may wait for the store. */
async function callOnTimeout (visit: Visit, timeout: SessionTimeout): Promise<void> {
  const { onTimeout } = visit.registration.settings
  if (onTimeout === undefined) return
  const { send } = visit.reply
  const reply: { send?: (payload?: unknown) => unknown } = visit.reply
  reply.send = function sendAndNote (payload) {
    visit.replied = true
    return send.call(visit.reply, payload)
  }
  try {
    await onTimeout(visit.request, visit.reply, timeout)
  } finally {
    delete reply.send
  }
}

/** The argument of onTimeout. */
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
    .finally(() => { sessions.release(held) })
}

async function revokeStored (sessions: Sessions, session: KnownSession): Promise<boolean> {
  const stored = await sessions.store.get(session.id)
  if (stored !== undefined) {
    session.record ??= readRecord(stored) ?? null
    await sessions.end(session, 'revoked')
    return true
  }
  if (session.stored) sessions.noticeEnd(session)
  // It may live on under another id, of which whoever asks cannot know yet.
  return sessions.endSuccessor(session.id, 'revoked')
}
