import type { EndReason, TimeoutReason } from '../../types/reasons.js'
import { clampRecord, mergeRecords, type SessionRecord } from '../policy.js'
import { Queue } from './queue.js'

/** What came of an attempt to end a session that was past a deadline; `by` tells whether it was this attempt. */
export type Outcome =
  | { readonly kind: 'ended', readonly by: 'us', readonly reason: TimeoutReason, readonly record: SessionRecord | null }
  | { readonly kind: 'ended', readonly by: 'others', readonly reason: EndReason }
  | { readonly kind: 'live', readonly record: SessionRecord | null }

/** Whoever wants to hear at once that a session is over. */
export interface Watcher {
  sessionEnded (reason: EndReason): void
  /** It may be over: the store is asked within that time, ms. */
  lookUpWithin (delay: number): void
}

/**
 * What this process knows of one session while any request or connection uses it: one object, whoever asks, so that
 * no two of them can believe different things. `Sessions` finds it by its id.
 */
export class KnownSession {
  readonly id: string
  /** The clock in force; it may be newer than the one in `request.session`. Null: the session is not timed. */
  record: SessionRecord | null = null
  /** Why it is over; null while it is not. */
  ended: EndReason | null
  /** Whether the store has had it. */
  stored = false
  /** How many requests, connections and operations use it. */
  users = 0
  /** Whatever reads it from the store and writes it back takes its turn here. */
  readonly queue = new Queue()
  /** What several requests want at the same time is done once, and fails once. */
  touching: Promise<SessionRecord | null | undefined> | undefined
  ending: Promise<Outcome> | undefined
  /** Its open connections. */
  watch: Watcher | undefined

  constructor (id: string, ended: EndReason | null) {
    this.id = id
    this.ended = ended
  }

  /** Takes in a record that somebody has of it: neither instant ever moves back. */
  learn (record: SessionRecord, at: number): void {
    this.record = this.record === null ? clampRecord(record, at) : mergeRecords(this.record, record, at)
  }
}

/** Whether the plugin ended it for the time that passed. */
export function isTimeout (reason: EndReason): reason is TimeoutReason {
  return reason === 'idle' || reason === 'absolute'
}
