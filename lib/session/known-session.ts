import type { EndReason, TimeoutReason } from '../../types/reasons.js'
import { clampRecord, joinRecords, type Limits, type SessionRecord } from '../policy.js'
import type { RecordEntryKind } from '../store/record-entries.js'
import type { StoredSession } from '../store/stored-session.js'
import type { UserEnd } from '../store/user-ends.js'
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
  /** It belongs to another user by now: the connections of the user before are over. */
  userChanged (stored: StoredSession): void
}

const noEntries: ReadonlySet<RecordEntryKind> = new Set()

/** The touch of a session that is under way, and the one after it, which all share that it does not cover. */
export interface Touches {
  /** The instant that it moves the record to, epoch ms. */
  readonly at: number
  readonly running: Promise<boolean>
  next: Promise<boolean> | undefined
  nextAt: number
}

/**
 * What this process knows of one session: one object, whoever asks, so that no two of them can believe different
 * things. `Sessions` finds it by its id, and remembers it for a while when nothing uses it any more.
 */
export class KnownSession {
  readonly id: string
  /**
   * The record in force, as far as this process knows: it may be newer than the one in `request.session`, and is never
   * later than the truth. Null: the session is not timed.
   */
  record: SessionRecord | null = null
  /** The stored session has no record: it is older than the plugin, or stored where appliesTo said no. */
  isUnstamped = false
  /** What is known to be in the store beside it. What only other processes know of expires by itself. */
  entries: ReadonlySet<RecordEntryKind> = noEntries
  /** When its record was last read from the store, epoch ms. */
  readAt = -Infinity
  /** The limits that it was last held against in this process. */
  limits: Limits | undefined
  /** How its user is named where others can read it; undefined while nobody has asked. */
  userKey: string | undefined
  /** When the store was last asked whether its user was signed out everywhere, epoch ms. */
  lookedAt = -Infinity
  /** Its user may have been signed out everywhere since. */
  mustRecheckUser = false
  /** That question, while it is under way. */
  looking: Promise<UserEnd | undefined> | undefined
  /** The start of which the user was warned that it is about to reach its limit, epoch ms. */
  warnedOf: number | undefined
  /** The start of which the warning waits for a page that shows messages, epoch ms. */
  offeredOf: number | undefined
  /** Why it is over; null while it is not. */
  ended: EndReason | null
  /** The store has not confirmed its end yet, and may refuse. */
  isEnding = false
  /** Whether the store has had it. */
  stored = false
  /** How many requests, connections and operations use it. */
  users = 0
  /** Used since the memory of sessions was last tidied up. */
  isRecent = true
  #queue: Queue | undefined
  touches: Touches | undefined
  ending: Promise<Outcome> | undefined
  /** Its open connections. */
  watch: Watcher | undefined

  constructor (id: string, ended: EndReason | null) {
    this.id = id
    this.ended = ended
  }

  /** What reads the session from the store and writes it back, or ends it, takes its turn here. */
  get queue (): Queue {
    return (this.#queue ??= new Queue())
  }

  /** An entry of its record was written, or found. */
  noteEntry (kind: RecordEntryKind): void {
    if (!this.entries.has(kind)) this.entries = new Set([...this.entries, kind])
  }

  /** Takes in what the store has of its record: neither instant ever moves back. */
  learn (found: SessionRecord, at: number): SessionRecord {
    const record = this.record === null ? clampRecord(found, at) : joinRecords(this.record, found, at)
    this.record = record
    return record
  }

  /**
   * Takes in the record of the stored session. What it says of the future (the clock was set back since) counts only
   * where nothing else is known: only the application writes it anew, and until then it would be now at every look.
   */
  learnSaved (saved: SessionRecord, at: number): SessionRecord {
    const { record } = this
    this.isUnstamped = false
    if (record === null || (saved.startedAt <= at && saved.lastActivity <= at)) return this.learn(saved, at)
    const startedAt = saved.startedAt > at ? record.startedAt : saved.startedAt
    const lastActivity = saved.lastActivity > at ? record.lastActivity : saved.lastActivity
    return this.learn({ ...saved, startedAt, lastActivity }, at)
  }
}

/** Whether the plugin ended it for the time that passed. */
export function isTimeout (reason: EndReason | null): reason is TimeoutReason {
  return reason === 'idle' || reason === 'absolute'
}
