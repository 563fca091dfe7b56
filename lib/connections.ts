import type { FastifyRequest } from 'fastify'
import { now, second } from './clock.js'
import { endByTimeout } from './ending.js'
import type { Engine } from './engine.js'
import { endedError, StoreError } from './errors.js'
import { readStored } from './guarded-store.js'
import { clampRecord, deadlines, endOf, mergeRecords, type Limits, type Record } from './policy.js'
import { readRecord } from './record.js'
import { isTimed, letGo, stateOf, type RequestState } from './state.js'
import type { EndedReason } from '../types/index.js'

/** How long an end in another process may go unnoticed by an open connection. */
const lookupInterval = 30 * second

/** How long a store may take to answer at the deadline: a client that queues while its server is down never does. */
const storePatience = second

/** The requests that hold a signal, watched once per session: one timer, one lookup, however many they are. */
export interface Connections {
  signalFor (request: FastifyRequest): AbortSignal
  /** Lets go of every timer and listener; the sessions live on. */
  close (): void
}

interface Connection {
  readonly request: FastifyRequest
  readonly state: RequestState
  readonly limits: Limits
  readonly controller: AbortController
  release (): void
}

interface Watch {
  readonly id: string
  readonly connections: Set<Connection>
  record: Record
  /** The strictest of its connections'. */
  limits: Limits
  /** When the store was last asked, or the session seen live, epoch ms. */
  lookedUpAt: number
  /** Whether the store still owes an answer. */
  asking: boolean
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
    const { raw } = state.reply
    // Nobody is there any more, and nothing would tell when to let go.
    if (raw.destroyed || raw.writableFinished) return new AbortController().signal
    const id = state.storedId!
    let watch = watches.get(id)
    if (watch === undefined) {
      watch = { id, connections: new Set(), record: state.record!, limits: state.limits!, lookedUpAt: state.at, asking: false, timer: undefined, faultLogged: false }
      watches.set(id, watch)
    } else {
      watch.record = mergeRecords(watch.record, state.record!, now())
    }
    const connection = open(watch, request, state)
    if (watch.limits !== connection.limits) watch.limits = strictest([watch, connection])
    schedule(watch)
    return connection.controller.signal
  }

  function open (watch: Watch, request: FastifyRequest, state: RequestState): Connection {
    const { raw } = state.reply
    // After an upgrade the response never finishes: the socket tells.
    const socket = request.headers.upgrade === undefined ? undefined : request.raw.socket
    const connection: Connection = { request, state, limits: state.limits!, controller: new AbortController(), release }
    raw.once('close', leave)
    raw.once('finish', leave)
    socket?.once('close', leave)
    watch.connections.add(connection)
    return connection

    function leave (): void {
      release()
      watch.connections.delete(connection)
      if (watch.connections.size === 0) stop(watch)
      else if (watch.limits !== connection.limits) watch.limits = strictest(watch.connections)
    }

    function release (): void {
      raw.removeListener('close', leave)
      raw.removeListener('finish', leave)
      socket?.removeListener('close', leave)
    }
  }

  function schedule (watch: Watch, atLeast = 1): void {
    clearTimeout(watch.timer)
    const due = Math.min(deadlines(watch.record, watch.limits).first, watch.lookedUpAt + lookupInterval)
    watch.timer = setTimeout(wake, Math.min(lookupInterval, Math.max(atLeast, due - now())), watch).unref()
  }

  function wake (watch: Watch): void {
    if (watch.asking && endOf(watch.record, watch.limits, now()) !== null) return fail(watch, new Error('The session store did not answer in time'))
    lookUp(watch).catch(error => fail(watch, error)).finally(() => { watch.asking = false })
  }

  async function lookUp (watch: Watch): Promise<void> {
    const at = now()
    // Timers may fire a millisecond early, and the clock may have been set back.
    const due = endOf(watch.record, watch.limits, at) !== null || at - watch.lookedUpAt >= lookupInterval || at < watch.lookedUpAt
    if (!due) return schedule(watch)
    watch.lookedUpAt = at
    watch.asking = true
    // For a store that never answers.
    schedule(watch, storePatience)
    const stored = await readStored(engine.host!.store, watch.id)
    // The last one may have left meanwhile, and another one of the same session come.
    if (!isWatched(watch)) return
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
    const { request, state, limits } = watch.connections.values().next().value!
    state.record = watch.record
    state.limits = watch.limits
    try {
      const outcome = await endByTimeout(engine, request, state, reason, at, () => letGo(state))
      if (outcome.kind === 'ended') return abort(watch, outcome.reason)
      state.limits = limits
      watch.record = outcome.record
      if (isWatched(watch)) schedule(watch)
    } catch (error) {
      if (error instanceof StoreError) throw error
      // There is no response to carry it.
      request.log.error({ err: error }, 'session timed out, then onTimeout failed')
    }
  }

  /** The store is down: connections stay until the deadline last known, then they close. */
  function fail (watch: Watch, error: unknown): void {
    if (!isWatched(watch)) return
    if (!watch.faultLogged) {
      watch.faultLogged = true
      watch.connections.values().next().value!.request.log.error({ err: error }, 'open connections not checked: the session store failed')
    }
    const reason = endOf(watch.record, watch.limits, now())
    if (reason === null) schedule(watch)
    else abort(watch, reason)
  }

  function abort (watch: Watch, reason: EndedReason): void {
    if (!isWatched(watch)) return
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

  function isWatched (watch: Watch): boolean {
    return watches.get(watch.id) === watch
  }

  function close (): void {
    for (const watch of watches.values()) {
      stop(watch)
      for (const { release } of watch.connections) release()
    }
  }
}

/** A connection on a stricter route holds its session to the limit of that route, for as long as it is open. */
function strictest (holders: Iterable<{ limits: Limits }>): Limits {
  const all = Array.from(holders, ({ limits }) => limits)
  return { idle: least(all.map(({ idle }) => idle)), absolute: least(all.map(({ absolute }) => absolute)) }
}

function least (limits: Array<number | false>): number | false {
  const least = Math.min(...limits.map(limit => limit === false ? Infinity : limit))
  return least === Infinity ? false : least
}
