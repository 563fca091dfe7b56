import type { FastifyRequest, Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { askStore, callStore } from './call-store.js'
import { now } from './clock.js'
import { announceEnd, type Engine } from './engine.js'
import { deadlines, mergeRecords, type Limits, type Record } from './policy.js'
import { readRecord, removeRecord, requestOf, writeRecord, writeStoreExpiry, type Slots, type StoredSession } from './record.js'
import { letGo, stateOf, type RequestState } from './state.js'

/**
 * The store as sessions see it. `set` is an upsert in every store of this kind: the guard turns it into
 * an update for a session that the request loaded, so that a request in flight never brings a session
 * back that was ended meanwhile, in this process or in another.
 */
export interface GuardedStore extends SessionStore {
  /** Past the guard; a store that reports ENOENT means "missing", as it does to @fastify/session. */
  read (id: string): Promise<StoredSession | undefined>
  /**
   * Writes a new record into the stored copy and leaves everything else in it as it is, also what another
   * request stored since this one loaded it.
   * @param update given the stored record and the time; what it returns is written, undefined writes nothing
   * @returns the record now stored, or null when the session is gone
   */
  patch (id: string, limits: Limits, update: (stored: Record | null | undefined, at: number) => Record | undefined): Promise<Record | null>
}

type Callback = (error?: unknown) => void

export function createGuardedStore (engine: Engine, store: SessionStore, slots: Slots): GuardedStore {
  return { get, set, destroy, read, patch }

  function get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    callStore<StoredSession | null>(answer => store.get(id, answer), callback)
  }

  function destroy (id: string, callback: Callback): void {
    // Marked before the store is asked: a write that is under way sees the mark when it lands.
    const known = engine.recent.has(id)
    engine.recent.remember(id, 'missing')
    callStore<void>(answer => store.destroy(id, answer), error => {
      if (error && !known) engine.recent.forget(id)
      if (!error) announceEnd(engine, id)
      callback(error)
    })
  }

  function set (id: string, session: Session, callback: Callback): void {
    const request = requestOf(session, slots)
    const state = stateOf(request)!
    if (engine.recent.has(id)) return drop(id, state, callback)
    let limits: Limits | null
    try {
      limits = stamp(id, session, request, state)
    } catch (error) {
      return callback(error)
    }
    if (state.storedId !== id) return write(id, session, state, callback)

    callStore<StoredSession | null>(answer => store.get(id, answer), (error, stored) => {
      if (error && !isMissing(error)) return callback(error)
      if (error || !stored) {
        engine.recent.remember(id, 'missing')
        announceEnd(engine, id)
        return drop(id, state, callback)
      }
      if (limits) {
        const ours = readRecord(session)!
        const theirs = readRecord(stored)
        const record = theirs ? mergeRecords(ours, theirs, now()) : ours
        applyRecord(session, record, limits)
        state.record = record
      }
      write(id, session, state, callback)
    })
  }

  /** Gives a session its record, or takes it away, before it is written. */
  function stamp (id: string, session: Session, request: FastifyRequest, state: RequestState): Limits | null {
    const limits = limitsFor(session, request)
    if (limits === null) {
      removeRecord(session)
      state.record = null
      return null
    }
    const at = now()
    const loaded = readRecord(session)
    let record = loaded ?? { startedAt: at, lastActivity: at }
    // The record in force of this very session; a successor from regenerate() starts anew.
    if (state.record && state.storedId === id) record = mergeRecords(record, state.record, at)
    applyRecord(session, record, limits)
    state.record = record
    state.limits = limits
    return limits
  }

  /** Null where the session is not timed. `regenerate` writes the new session while request.session is still the old one. */
  function limitsFor (session: Session, request: FastifyRequest): Limits | null {
    const current = request.session
    request.session = session as FastifyRequest['session']
    try {
      return engine.settings.appliesTo(request) ? engine.settings.limits(request) : null
    } finally {
      request.session = current
    }
  }

  function write (id: string, session: Session, state: RequestState, callback: Callback): void {
    callStore<void>(answer => store.set(id, session, answer), error => {
      if (error) return callback(error)
      if (engine.recent.has(id)) return undo(id, state, callback)
      state.storedId = id
      callback()
    })
  }

  /** A session ended while its write was under way: whichever of the two landed last, it ends. */
  function undo (id: string, state: RequestState, callback: Callback): void {
    callStore<void>(answer => store.destroy(id, answer), error => error ? callback(error) : drop(id, state, callback))
  }

  /** Success, as far as the request in flight is concerned: its session is over, and nothing was written. */
  function drop (id: string, state: RequestState, callback: Callback): void {
    letGo(state)
    state.ended ??= engine.recent.reasonFor(id) ?? 'missing'
    callback()
  }

  async function read (id: string): Promise<StoredSession | undefined> {
    try {
      return await askStore<StoredSession | null>(answer => store.get(id, answer)) ?? undefined
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function patch (id: string, limits: Limits, update: (stored: Record | null | undefined, at: number) => Record | undefined): Promise<Record | null> {
    const stored = engine.recent.has(id) ? undefined : await read(id)
    if (stored === undefined) {
      if (!engine.recent.has(id)) engine.recent.remember(id, 'missing')
      announceEnd(engine, id)
      return null
    }
    const before = readRecord(stored)
    const record = update(before, now())
    if (record === undefined) return before!
    applyRecord(stored, record, limits)
    try {
      await askStore<void>(answer => store.set(id, stored, answer))
    } catch (error) {
      // MemoryStore handed out its own object: a touch that failed must not have extended anything.
      if (before) applyRecord(stored, before, limits)
      else removeRecord(stored)
      throw error
    }
    if (!engine.recent.has(id)) return record
    await askStore<void>(answer => store.destroy(id, answer))
    return null
  }
}

function applyRecord (session: StoredSession, record: Record, limits: Limits): void {
  writeRecord(session, record)
  writeStoreExpiry(session, deadlines(record, limits).first)
}

function isMissing (error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
