import type { FastifyRequest, Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { askStore } from './call-store.js'
import { now } from './clock.js'
import { announceEnd, tighten, type Engine } from './engine.js'
import { readStored, type Callback, type GuardedStore } from './guarded-store.js'
import { clampRecord, deadlines, mergeRecords, type Limits, type Record } from './policy.js'
import { readRecord, removeRecord, writeRecord, writeStoreExpiry, type StoredSession } from './record.js'
import { letGo, type RequestState } from './state.js'

/**
 * The store as the sessions of one request see it: it gives them their record in the write that stores them,
 * and writes a session that was loaded only while that is still there.
 * A class, for once: one is made per request, and methods on a prototype cost nothing then.
 */
export class RequestStore implements SessionStore {
  readonly #engine: Engine
  readonly #store: GuardedStore
  readonly #state: RequestState

  constructor (engine: Engine, store: GuardedStore, state: RequestState) {
    this.#engine = engine
    this.#store = store
    this.#state = state
  }

  get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    this.#store.get(id, callback)
  }

  destroy (id: string, callback: Callback): void {
    const engine = this.#engine
    const known = engine.recent.has(id)
    // Remembered before the store is asked: a write under way in this process sees it when it lands.
    engine.recent.remember(id, 'missing')
    const finish: Callback = error => {
      if (error && !known) engine.recent.forget(id)
      if (!error) announceEnd(engine, id)
      callback(error)
    }
    // regenerate() destroys its session whether it was ever stored or not.
    if (this.#state.storedId === id) this.#store.end(id, finish)
    else this.#store.discard(id, finish)
  }

  set (id: string, session: Session, callback: Callback): void {
    const state = this.#state
    if (this.#engine.recent.has(id)) return this.#drop(id, callback)
    let limits: Limits | null
    try {
      limits = this.#stamp(id, session)
    } catch (error) {
      return callback(error)
    }
    if (state.storedId === id) return this.#update(id, session, limits, callback)
    this.#store.set(id, session, error => {
      if (!error) state.storedId = id
      callback(error)
    })
  }

  /**
   * Gives a session its record, or takes it away, before it is written.
   * @returns the general limits, which the stored copy lives by whatever route it was written from
   */
  #stamp (id: string, session: Session): Limits | null {
    const state = this.#state
    const limits = limitsFor(this.#engine, session, state.reply.request)
    if (limits === null) {
      removeRecord(session)
      state.record = null
      return null
    }
    const at = now()
    // The record in force of this very session: the one it was loaded with may lie in what was the future then,
    // and must not come back when the clock has caught up. A successor from regenerate() starts anew.
    const inForce = state.storedId === id ? state.record : null
    const record = clampRecord(inForce ?? readRecord(session) ?? { startedAt: at, lastActivity: at }, at)
    applyRecord(session, record, limits)
    state.record = record
    state.limits = tighten(limits, state.route)
    return limits
  }

  #update (id: string, session: Session, limits: Limits | null, callback: Callback): void {
    this.#store.get(id, (error, stored) => {
      if (error) return callback(error)
      if (!stored) {
        lost(this.#engine, id)
        return this.#drop(id, callback)
      }
      if (limits) {
        const ours = readRecord(session)!
        const theirs = readRecord(stored)
        const record = this.#state.record = theirs ? mergeRecords(ours, theirs, now()) : ours
        applyRecord(session, record, limits)
      }
      this.#store.set(id, session, error => {
        if (error) return callback(error)
        this.#store.verify(id, (error, live) => {
          if (error || live) return callback(error)
          lost(this.#engine, id)
          this.#drop(id, callback)
        })
      })
    })
  }

  /** Success, as far as the request in flight is concerned: its session is over, and nothing was written. */
  #drop (id: string, callback: Callback): void {
    letGo(this.#state)
    this.#state.ended ??= this.#engine.recent.reasonFor(id)!
    callback()
  }
}

/**
 * Writes a new record into the stored copy and leaves everything else in it as it is, also what another
 * request stored since this one loaded it.
 * It lives there by the general limits: a stricter route must not shorten the session for the others.
 * @param update given the stored record and the time; what it returns is written, undefined writes nothing
 * @returns the record now stored, or null when the session is gone
 * @throws the store's error
 */
export async function patchRecord (engine: Engine, state: RequestState, update: (stored: Record | null | undefined, at: number) => Record | undefined): Promise<Record | null> {
  const { store } = engine.host!
  const id = state.storedId!
  const stored = engine.recent.has(id) ? undefined : await readStored(store, id)
  if (stored === undefined) return lost(engine, id)
  const before = readRecord(stored)
  const record = update(before, now())
  if (record === undefined) return before!
  const limits = engine.settings.limits(state.reply.request)
  applyRecord(stored, record, limits)
  try {
    await askStore<void>(answer => store.set(id, stored, answer))
  } catch (error) {
    // MemoryStore handed out its own object: a touch that failed must not have extended anything.
    if (before) applyRecord(stored, before, limits)
    else removeRecord(stored)
    throw error
  }
  return await askStore<boolean>(answer => store.verify(id, answer)) ? record : lost(engine, id)
}

/** The store no longer has it: somebody ended it. */
function lost (engine: Engine, id: string): null {
  engine.recent.remember(id, 'missing')
  announceEnd(engine, id)
  return null
}

/** Null where the session is not timed. `regenerate` writes the new session while request.session is still the old one. */
function limitsFor (engine: Engine, session: Session, request: FastifyRequest): Limits | null {
  const current = request.session
  request.session = session as FastifyRequest['session']
  try {
    return engine.settings.appliesTo(request) ? engine.settings.limits(request) : null
  } finally {
    request.session = current
  }
}

function applyRecord (session: StoredSession, record: Record, limits: Limits): void {
  writeRecord(session, record)
  writeStoreExpiry(session, deadlines(record, limits).first)
}
