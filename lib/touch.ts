import { now } from './clock.js'
import type { Engine } from './engine.js'
import { clampRecord, endOf, isTouchDue, mergeRecords, type Record } from './policy.js'
import { patchRecord } from './request-store.js'
import type { RequestState } from './state.js'

/**
 * Moves lastActivity of a session to the time of this request. Touches of one session are joined:
 * N parallel requests cause one write.
 *
 * It writes into the stored copy and leaves request.session as the request loaded it: to @fastify/session
 * the session stays unmodified, so that it neither saves it a second time nor overwrites with it what
 * another request stored meanwhile. The record in force is in the request's state.
 * @returns false when the session turned out to be gone
 * @throws the store's error
 */
export async function touch (engine: Engine, state: RequestState, at: number): Promise<boolean> {
  const id = state.storedId!
  const limits = state.limits!
  const interval = engine.settings.touchInterval(limits.idle)
  for (let running; (running = engine.touches.get(id)) !== undefined;) {
    if (!accept(engine, state, await running)) return false
    // A browser may report an activity of long ago: joining that one is not enough for an activity of now.
    if (!isTouchDue(state.record!, interval, at)) return true
  }
  const flight = patchRecord(engine, state, extend).finally(() => engine.touches.delete(id))
  engine.touches.set(id, flight)
  return accept(engine, state, await flight)

  function extend (stored: Record | null | undefined, now: number): Record | undefined {
    if (!stored) return clampRecord(state.record!, now)
    const clamped = clampRecord(stored, now)
    // Another process extended it meanwhile, or it has ended: nothing to write.
    const due = isTouchDue(clamped, interval, at) && endOf(clamped, limits, at) === null
    if (due) return mergeRecords(clamped, { ...clamped, lastActivity: at }, now)
    return clamped === stored ? undefined : clamped
  }
}

/**
 * Starts both clocks of a stored session anew, unless it turns out to have ended.
 * @returns false when the session turned out to be gone
 * @throws the store's error
 */
export async function restart (engine: Engine, state: RequestState): Promise<boolean> {
  return accept(engine, state, await patchRecord(engine, state, (stored, now) => {
    const ended = stored === null || (stored !== undefined && endOf(clampRecord(stored, now), state.limits!, now) !== null)
    return ended ? undefined : { startedAt: now, lastActivity: now }
  }))
}

function accept (engine: Engine, state: RequestState, record: Record | null): boolean {
  if (record === null) return false
  state.record = state.record ? mergeRecords(state.record, record, now()) : record
  state.sendCookie = engine.settings.rolling
  return true
}
