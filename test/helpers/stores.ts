import type { Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { joinRecords, parseRecord } from '../../lib/policy.js'
import { entryId, entryOf } from '../../lib/store/entries.js'

type Callback = (error?: unknown) => void
type Found = (error: unknown, session?: Session | null) => void
export type Operation = 'get' | 'set' | 'destroy'

// Kept before any test fakes them.
const { setTimeout, setImmediate } = globalThis

/** Counts what is asked of another store, and by default is one that forgets nothing. */
export class CountingStore implements SessionStore {
  readonly counts = { get: 0, set: 0, destroy: 0 }
  readonly inner: SessionStore

  constructor (inner: SessionStore) {
    this.inner = inner
  }

  get (id: string, callback: Found): void {
    this.counts.get++
    this.inner.get(id, callback)
  }

  set (id: string, session: Session, callback: Callback): void {
    this.counts.set++
    this.inner.set(id, session, callback)
  }

  destroy (id: string, callback: Callback): void {
    this.counts.destroy++
    this.inner.destroy(id, callback)
  }
}

/** A small, seeded generator (mulberry32): the same delays in every run. */
export function random (seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Keeps JSON, so that no object is shared between requests, and answers late, as a store over the network does. */
export class JsonStore implements SessionStore {
  /** Given to two stores, it is what two processes share. */
  readonly data: Map<string, string>
  readonly counts = { get: 0, set: 0, destroy: 0 }
  /** Ms; undefined for the next turn of the event loop, which is a tenth of the least that a timer takes. */
  readonly #delay: (() => number) | undefined

  constructor ({ min = 0, max = 0, seed = 1, data = new Map<string, string>() } = {}) {
    const next = random(seed)
    this.data = data
    this.#delay = max > 0 ? () => min + next() * (max - min) : undefined
  }

  get (id: string, callback: Found): void {
    this.counts.get++
    this.#later(() => this.data.get(id), json => callback(null, json === undefined ? null : JSON.parse(json)))
  }

  set (id: string, session: Session, callback: Callback): void {
    this.counts.set++
    const json = JSON.stringify(session)
    this.#later(() => this.data.set(id, json), () => callback())
  }

  destroy (id: string, callback: Callback): void {
    this.counts.destroy++
    this.#later(() => this.data.delete(id), () => callback())
  }

  /** The sessions, without what the plugin keeps beside them. */
  sessions (): string[] {
    return [...this.data].filter(([, json]) => !isEntry(JSON.parse(json))).map(([id]) => id)
  }

  /** A session, with the clock that is in force: the newest of its record and of the entries beside it. */
  peek (id: string): Record<string, unknown> | undefined {
    return withClock(id, key => this.raw(key))
  }

  /** What another process writes when it touches a session, or starts its clocks anew. */
  moveClock (id: string, record: { startedAt: number, lastActivity: number }, kind: 'activity' | 'start' = 'activity'): void {
    this.data.set(entryId(id, kind), JSON.stringify(entryOf(Date.now() + 86_400_000, { sessionTimeout: record })))
  }

  /** What is stored under an id. */
  raw (id: string): Record<string, unknown> | undefined {
    const json = this.data.get(id)
    return json === undefined ? undefined : JSON.parse(json)
  }

  // The way there, the deed, the way back.
  #later<Result> (deed: () => Result, callback: (result: Result) => void): void {
    this.#wait(() => {
      const result = deed()
      this.#wait(() => callback(result))
    })
  }

  #wait (then: () => void): void {
    if (this.#delay === undefined) setImmediate(then)
    else setTimeout(then, this.#delay())
  }
}

/** A stored session, with the newest of its record and of the entries beside it. */
export function withClock (
  id: string, read: (id: string) => { [key: string]: unknown } | undefined
): { [key: string]: unknown } | undefined {
  const session = read(id)
  if (session === undefined) return undefined
  const entries = [read(entryId(id, 'activity')), read(entryId(id, 'start'))]
  const clocks = entries.flatMap(entry => parseRecord(entry?.sessionTimeout) ?? [])
  const own = parseRecord(session.sessionTimeout)
  if (clocks.length === 0 || own === null) return session
  return { ...session, sessionTimeout: [...clocks, ...own ? [own] : []].reduce((one, other) => joinRecords(one, other, Date.now())) }
}

/** What the plugin keeps beside the sessions: marks of ended ones, and clocks. Nothing of a user is in it. */
export function isEntry (session: object): boolean {
  const { cookie } = session as { cookie?: { originalMaxAge?: unknown } }
  return Object.keys(session).every(key => entryKeys.has(key)) && typeof cookie?.originalMaxAge === 'number'
}

const entryKeys = new Set(['cookie', 'sessionTimeout', 'reason', 'successor', 'isUnstamped', 'generation', 'at', 'spared'])

/** Answers before its methods return, and belongs to several processes, as SQLite and files do. */
export class SharedStore implements SessionStore {
  readonly data: Map<string, string>
  /** Runs once, when a write of that session is about to land: what another process does at that moment. */
  beforeWrite: { id: string, deed: () => void } | undefined

  constructor (data = new Map<string, string>()) {
    this.data = data
  }

  get (id: string, callback: Found): void {
    const json = this.data.get(id)
    callback(null, json === undefined ? null : JSON.parse(json))
  }

  set (id: string, session: Session, callback: Callback): void {
    const json = JSON.stringify(session)
    if (this.beforeWrite?.id === id) {
      const { deed } = this.beforeWrite
      this.beforeWrite = undefined
      deed()
    }
    this.data.set(id, json)
    callback()
  }

  destroy (id: string, callback: Callback): void {
    this.data.delete(id)
    callback()
  }
}

/** Loses the answers to writes: they are errors, and the writes land all the same when {@link LossyStore.land} is called. */
export class LossyStore extends JsonStore {
  /** Which writes. */
  loses: (id: string) => boolean = () => false
  #late: Array<() => void> = []

  override set (id: string, session: Session, callback: Callback): void {
    if (!this.loses(id)) return super.set(id, session, callback)
    const json = JSON.stringify(session)
    this.#late.push(() => { this.data.set(id, json) })
    setImmediate(callback, new StoreDownError('The answer was lost'))
  }

  /** @returns how many writes landed */
  land (): number {
    const late = this.#late.splice(0)
    for (const write of late) write()
    return late.length
  }
}

/** What an operation of a {@link FaultyStore} does; `hang` answers when {@link FaultyStore.release} is called. */
export type Fault = 'ok' | 'error' | 'throw' | 'reject' | 'twice' | 'hang'

export class StoreDownError extends Error {
  override name = 'StoreDownError'
}

/** Fails by plan: the next operations of a kind take their faults from its queue, or all from `always`. */
export class FaultyStore implements SessionStore {
  readonly plan: Record<Operation, Fault[]> = { get: [], set: [], destroy: [] }
  readonly always: Record<Operation, Fault> = { get: 'ok', set: 'ok', destroy: 'ok' }
  readonly counts = { get: 0, set: 0, destroy: 0 }
  readonly inner: SessionStore
  #held: Array<() => void> = []

  constructor (inner: SessionStore) {
    this.inner = inner
  }

  get (id: string, callback: Found): void {
    return this.#operate('get', callback, answer => this.inner.get(id, answer))
  }

  set (id: string, session: Session, callback: Callback): void {
    return this.#operate('set', callback, answer => this.inner.set(id, session, answer))
  }

  destroy (id: string, callback: Callback): void {
    return this.#operate('destroy', callback, answer => this.inner.destroy(id, answer))
  }

  /** Lets go of what hangs. */
  release (): void {
    for (const go of this.#held.splice(0)) go()
  }

  get held (): number {
    return this.#held.length
  }

  #operate<Answer extends (...values: never[]) => void> (operation: Operation, callback: Answer, perform: (answer: Answer) => void): void {
    this.counts[operation]++
    const fault = this.plan[operation].shift() ?? this.always[operation]
    const fail = callback as unknown as Callback
    if (fault === 'error') return fail(new StoreDownError(operation))
    if (fault === 'throw') throw new StoreDownError(operation)
    // A store whose methods are async functions.
    if (fault === 'reject') return Promise.reject(new StoreDownError(operation)) as unknown as void
    if (fault === 'hang') {
      this.#held.push(() => perform(callback))
      return
    }
    if (fault === 'ok') return perform(callback)
    perform(((...values: never[]) => {
      callback(...values)
      callback(...values)
    }) as Answer)
  }
}
