import type { FastifyRequest } from 'fastify'
import type { SessionTimeout, TimeoutReason } from '../types/index.js'
import { askStore } from './call-store.js'
import { now } from './clock.js'
import { announceEnd, guard, type Engine } from './engine.js'
import { NoSessionError, StoreError } from './errors.js'
import { readStored } from './guarded-store.js'
import { clampRecord, endOf, type Record } from './policy.js'
import { dataOf, readRecord, sessionOf } from './record.js'
import type { RequestState } from './state.js'

/** What came of an attempt to end a session; `by` tells whether it was this call that ended it. */
export type Outcome =
  | { readonly kind: 'ended', readonly reason: TimeoutReason, readonly record: Record | null, readonly by: 'us' | 'others' }
  | { readonly kind: 'live', readonly record: Record }

/**
 * Ends a session that is past a deadline: destroyed first, then everything else, once.
 * @param at the instant that the deadlines are held against
 * @param release what the request lets go of once the session is destroyed, before anyone is told
 * @throws FST_SESSION_TIMEOUT_STORE; then the session is still there and nothing else was done
 */
export async function endByTimeout (engine: Engine, request: FastifyRequest, state: RequestState, reason: TimeoutReason, at: number, release: () => Promise<void> | void): Promise<Outcome> {
  const session = request.session
  const outcome = await endInStore(engine, state, reason, at)
  if (outcome.kind === 'live') {
    state.record = outcome.record
    return outcome
  }
  const timeout = describeEnd(session, outcome.record, outcome.reason)
  await release()
  state.ended = outcome.reason
  if (outcome.by === 'us') {
    const { idleFor, startedAt } = timeout
    // No id, no secret, no data.
    request.log.info({ reason: timeout.reason, idleFor, age: startedAt === null ? null : Math.max(0, now() - startedAt) }, 'session timed out')
    await tellTimeout(engine, request, state, timeout)
  }
  return outcome
}

/** Attempts for one session are joined: one destroy. */
async function endInStore (engine: Engine, state: RequestState, reason: TimeoutReason, at: number): Promise<Outcome> {
  const id = state.storedId!
  for (let running; (running = engine.endings.get(id)) !== undefined;) {
    const outcome = await running
    if (outcome.kind === 'ended') return { ...outcome, by: 'others' }
    // Live by the limits of the other request; those of this one's route may be stricter.
    if (endOf(outcome.record, state.limits!, at) === null) return outcome
  }
  const flight = destroyUnlessLive(engine, state, reason, at).finally(() => engine.endings.delete(id))
  engine.endings.set(id, flight)
  return flight
}

async function destroyUnlessLive (engine: Engine, state: RequestState, reason: TimeoutReason, at: number): Promise<Outcome> {
  const id = state.storedId!
  let { record } = state
  // A slow touch of a request that arrived in time decides, not the stale copy that this request loaded.
  await engine.touches.get(id)?.catch(() => {})
  const known = engine.recent.reasonFor(id)
  if (known !== undefined) return { kind: 'ended', reason: known === 'missing' ? reason : known, record, by: 'others' }
  const { store } = engine.host!
  try {
    const stored = await readStored(store, id)
    if (stored === undefined) {
      engine.recent.remember(id, reason, state.cookie)
      announceEnd(engine, id)
      return { kind: 'ended', reason, record, by: 'others' }
    }
    // A request in another process may have extended the session since this one loaded it.
    const latest = readRecord(stored)
    if (latest) {
      record = clampRecord(latest, at)
      const verdict = endOf(record, state.limits!, at)
      if (verdict === null) return { kind: 'live', record }
      reason = verdict
    }
    engine.recent.remember(id, reason, state.cookie)
    await askStore<void>(answer => store.end(id, answer))
    announceEnd(engine, id)
  } catch (cause) {
    engine.recent.forget(id, state.cookie)
    throw new StoreError({ cause })
  }
  return { kind: 'ended', reason, record, by: 'us' }
}

/** Calls onTimeout, and finds out whether it replied: reply.sent is true only after the onSend hooks, which may wait for the store. */
async function tellTimeout (engine: Engine, request: FastifyRequest, state: RequestState, timeout: SessionTimeout): Promise<void> {
  const { onTimeout } = engine.settings
  if (onTimeout === undefined) return
  const reply = state.reply as { send?: (payload?: unknown) => unknown }
  const send = reply.send!
  reply.send = function sendAndNote (payload) {
    state.replied = true
    return send.call(reply, payload)
  }
  try {
    await onTimeout(request, state.reply, timeout)
  } finally {
    delete reply.send
  }
}

/** What onTimeout is told. */
function describeEnd (session: FastifyRequest['session'], record: Record | null, reason: TimeoutReason): SessionTimeout {
  const { startedAt, lastActivity } = record ?? { startedAt: null, lastActivity: null }
  return Object.freeze({
    reason,
    startedAt,
    lastActivity,
    idleFor: lastActivity === null ? null : Math.max(0, now() - lastActivity),
    session: dataOf(session)
  })
}

/** Gives the request a fresh, empty, unsaved session with a new id, without touching the store. */
export function startAfresh (engine: Engine, request: FastifyRequest, state: RequestState): Promise<void> {
  state.storedId = undefined
  state.record = null
  // Until it is there, nobody may see the old data, whatever the signer of the application does with ''.
  request.session = null as never
  return new Promise((resolve, reject) => {
    engine.app.decryptSession('', request, (error?: unknown) => {
      const session = sessionOf(request)
      if (error || !session) return reject(error ?? new NoSessionError('@fastify/session gave no session'))
      guard(engine, session, request, state)
      resolve()
    })
  })
}
