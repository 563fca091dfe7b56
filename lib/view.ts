import type { FastifyRequest } from 'fastify'
import type { RequestSessionTimeout } from '../types/index.js'
import { now } from './clock.js'
import type { Connections } from './connections.js'
import { endByTimeout } from './ending.js'
import { limitsOf, type Engine } from './engine.js'
import { endedError } from './errors.js'
import { deadlines, endOf, isTouchDue } from './policy.js'
import { sessionOf } from './record.js'
import { isTimed, letGo, stateOf, type RequestState } from './state.js'
import { restart, touch } from './touch.js'

/** Makes `request.sessionTimeout`; everything in it is computed when asked for. */
export function createView (engine: Engine, connections: Connections, request: FastifyRequest): RequestSessionTimeout {
  return {
    get ended () {
      return stateOf(request)?.ended ?? null
    },
    get startedAt () {
      return timedState()?.record!.startedAt ?? null
    },
    get lastActivity () {
      return timedState()?.record!.lastActivity ?? null
    },
    get expiresAt () {
      return deadlineOf(timedState())
    },
    get remaining () {
      const { expiresAt } = this
      return expiresAt === null ? null : Math.max(0, expiresAt - now())
    },
    get expiring () {
      const deadline = deadlineOf(timedState())
      return deadline !== null && deadline - now() <= engine.settings.warnBefore
    },
    touch: () => touchAt(engine, request, now()),
    restart: () => restartNow(engine, request),
    get signal () {
      return connections.signalFor(request)
    }
  }

  function timedState (): RequestState | null {
    const state = stateOf(request)
    return state !== null && isTimed(engine, request, state) ? state : null
  }
}

function deadlineOf (state: RequestState | null): number | null {
  return state && deadlines(state.record!, state.limits!).first
}

/**
 * An activity at that instant, which lies in the past when a browser reports what its user did.
 * It moves lastActivity forward only, and never past now.
 * @throws FST_SESSION_TIMEOUT_ENDED, or the store's error
 */
export async function touchAt (engine: Engine, request: FastifyRequest, at: number): Promise<void> {
  const state = stateOf(request)
  if (state === null || state.record === null) {
    if (state?.ended) throw endedError(state.ended)
    return
  }
  await refuseEnded(engine, request, state)
  if (!isTouchDue(state.record, engine.settings.touchInterval(state.limits!.idle), at)) return
  if (!await touch(engine, state, at)) throw gone(engine, state)
  // The store may know better than this request what has happened since it began.
  await refuseEnded(engine, request, state)
}

async function restartNow (engine: Engine, request: FastifyRequest): Promise<void> {
  const session = sessionOf(request)
  const state = stateOf(request)
  if (session === undefined || state === null) {
    if (state) throw endedError(state.ended ?? 'missing')
    return
  }
  if (!engine.settings.appliesTo(request)) return
  state.limits ??= limitsOf(engine, request, state.route)
  // Not stored yet: the write that stores it starts its clocks. A record put in here would cause that write.
  if (state.storedId !== session.sessionId) return
  await refuseEnded(engine, request, state)
  if (!await restart(engine, state)) throw gone(engine, state)
  await refuseEnded(engine, request, state)
}

/** Ends a session that is past its deadline by now, after asking the store whether others have extended it. */
async function refuseEnded (engine: Engine, request: FastifyRequest, state: RequestState): Promise<void> {
  if (engine.recent.has(state.storedId!)) throw gone(engine, state)
  const at = now()
  const reason = state.record && endOf(state.record, state.limits!, at)
  if (reason === null) return
  const outcome = await endByTimeout(engine, request, state, reason, at, () => letGo(state))
  if (outcome.kind === 'ended') throw endedError(outcome.reason)
}

function gone (engine: Engine, state: RequestState): Error {
  state.ended ??= engine.recent.reasonFor(state.storedId!) ?? 'missing'
  letGo(state)
  return endedError(state.ended)
}
