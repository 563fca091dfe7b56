import type { FastifyRequest } from 'fastify'
import { now, second } from './clock.js'
import { endByTimeout } from './ending.js'
import type { Engine } from './engine.js'
import { endedError } from './errors.js'
import { readStored } from './guarded-store.js'
import { clampRecord, deadlines, endOf, mergeRecords, type Limits, type Record } from './policy.js'
import { readRecord } from './record.js'
import { isTimed, letGo, stateOf, type RequestState } from './state.js'
import type { EndedReason } from '../types/index.js'

/** How long an end in another process may go unnoticed by an open connection. */
const lookupInterval = 30 * second

/** setTimeout's own limit; a longer delay would fire at once. */
const longestTimer = 2 ** 31 - 1

/** The requests that hold a signal, watched once per session: one timer, one lookup, however many they are. */
export interface Connections {
  signalFor (request: FastifyRequest): AbortSignal
  /** Lets go of every timer and listener; the sessions live on. */
  close (): void
}

interface Connection {
  readonly request: FastifyRequest
  readonly state: RequestState
  readonly controller: AbortController
  release (): void
}

interface Watch {
  readonly id: string
  readonly connections: Set<Connection>
  record: Record
  limits: Limits
  /** When the store was last asked, or the session seen live, epoch ms. */
  lookedUpAt: number
  timer: NodeJS.Timeout | undefined
  faultLogged: boolean
}

export function createConnections (engine: Engine): Connections {
  const watches = new Map<string, Watch>()
  const signals = new WeakMap<FastifyRequest, AbortSignal>()
  engine.endListeners.add(id => {
    const watch = watches.get(id)
    if (watch) abort(watch, engine.recent.reasonFor(id) ?? 'missing')
  })
  return { signalFor, close }

  function signalFor (request: FastifyRequest): AbortSignal {
    const known = signals.get(request)
    if (known) return known
    const state = stateOf(request)
    const signal = state !== null && isTimed(engine, request, state)
      ? connect(request, state)
      : AbortSignal.abort(endedError(state?.ended ?? 'missing'))
    signals.set(request, signal)
    return signal
  }

  function connect (request: FastifyRequest, state: RequestState): AbortSignal {
    const id = state.storedId!
    let watch = watches.get(id)
    if (watch === undefined) {
      watch = { id, connections: new Set(), record: state.record!, limits: state.limits!, lookedUpAt: state.at, timer: undefined, faultLogged: false }
      watches.set(id, watch)
    } else {
      watch.record = mergeRecords(watch.record, state.record!, now())
      watch.limits = { idle: strictest(watch.limits.idle, state.limits!.idle), absolute: strictest(watch.limits.absolute, state.limits!.absolute) }
    }
    const connection = open(watch, request, state)
    schedule(watch)
    return connection.controller.signal
  }

  function open (watch: Watch, request: FastifyRequest, state: RequestState): Connection {
    const { raw } = state.reply
    // After an upgrade the response never finishes: the socket tells.
    const socket = request.headers.upgrade === undefined ? undefined : request.raw.socket
    const connection: Connection = { request, state, controller: new AbortController(), release }
    raw.once('close', leave)
    raw.once('finish', leave)
    socket?.once('close', leave)
    watch.connections.add(connection)
    return connection

    function leave (): void {
      release()
      watch.connections.delete(connection)
      if (watch.connections.size === 0) stop(watch)
    }

    function release (): void {
      raw.removeListener('close', leave)
      raw.removeListener('finish', leave)
      socket?.removeListener('close', leave)
    }
  }

  function schedule (watch: Watch): void {
    clearTimeout(watch.timer)
    const due = Math.min(deadlines(watch.record, watch.limits).first, watch.lookedUpAt + lookupInterval)
    watch.timer = setTimeout(wake, Math.min(longestTimer, Math.max(1, due - now())), watch).unref()
  }

  function wake (watch: Watch): void {
    lookUp(watch).catch(error => abortAtDeadline(watch, error))
  }

  async function lookUp (watch: Watch): Promise<void> {
    const at = now()
    // Timers may fire a millisecond early, and the clock may have been set back.
    const due = endOf(watch.record, watch.limits, at) !== null || at - watch.lookedUpAt >= lookupInterval || at < watch.lookedUpAt
    if (!due) return schedule(watch)
    watch.lookedUpAt = at
    const stored = await readStored(engine.host!.store, watch.id)
    if (!watches.has(watch.id)) return
    if (stored === undefined) {
      engine.recent.remember(watch.id, 'missing')
      return abort(watch, 'missing')
    }
    const record = readRecord(stored)
    // Without a record the user was taken out of the session: signed out.
    if (record === undefined) return abort(watch, 'missing')
    watch.record = record === null ? watch.record : clampRecord(record, at)
    watch.faultLogged = false
    const reason = record === null ? 'idle' : endOf(watch.record, watch.limits, at)
    if (reason !== null) await end(watch, reason, at)
    else schedule(watch)
  }

  /** An open page is signed out on time, and the audit line written on time, even if no request ever comes again. */
  async function end (watch: Watch, reason: 'idle' | 'absolute', at: number): Promise<void> {
    const { request, state } = watch.connections.values().next().value!
    state.record = watch.record
    state.limits = watch.limits
    const outcome = await endByTimeout(engine, request, state, reason, at, () => letGo(state))
    if (outcome.kind === 'ended') return abort(watch, outcome.reason)
    watch.record = outcome.record
    schedule(watch)
  }

  /** The store is down: connections stay until the deadline last known, then they close. */
  function abortAtDeadline (watch: Watch, error: unknown): void {
    const connection = watch.connections.values().next().value
    if (connection === undefined || !watches.has(watch.id)) return
    if (!watch.faultLogged) {
      watch.faultLogged = true
      connection.request.log.error({ err: error }, 'open connections not checked: the session store failed')
    }
    const reason = endOf(watch.record, watch.limits, now())
    if (reason === null) schedule(watch)
    else abort(watch, reason)
  }

  function abort (watch: Watch, reason: EndedReason): void {
    stop(watch)
    for (const { state, controller, release } of watch.connections) {
      release()
      letGo(state)
      state.ended = reason
      controller.abort(endedError(reason))
    }
  }

  function stop (watch: Watch): void {
    clearTimeout(watch.timer)
    watches.delete(watch.id)
  }

  function close (): void {
    for (const watch of watches.values()) {
      stop(watch)
      for (const { release } of watch.connections) release()
    }
  }
}

function strictest (a: number | false, b: number | false): number | false {
  if (a === false || b === false) return a === false ? b : a
  return Math.min(a, b)
}
