import { day, minute } from '../clock.js'
import { deadlines, type Limits, type SessionRecord } from '../policy.js'
import type { GuardedStore } from './guarded-store.js'
import { readRecord } from './stored-session.js'

/*
 * The record of a session moves in entries of its own, so that the plugin never writes the session, which belongs to the
 * application: a touch that read the session and wrote it back would lose what another process has just saved.
 *
 * What the session holds is the record as of the application's last write. The record in force is the newest of it
 * and the entries, instant by instant. A new start has an entry apart from the activity, so that no touch of a process
 * that has not heard of it can overwrite it.
 */

export type RecordEntryKind = 'activity' | 'start'

export const recordEntryKinds: readonly RecordEntryKind[] = ['activity', 'start']

/** The record of sessions, as the store has it. */
export interface RecordEntries {
  /** Both entries. Costs two reads. */
  read (id: string): Promise<{ activity: SessionRecord | undefined, start: SessionRecord | undefined }>
  /** What a touch needs to know. */
  readActivity (id: string): Promise<SessionRecord | undefined>
  /** Whether there is an entry for a session that holds no record itself. */
  hasUnstamped (id: string): Promise<boolean>
  writeActivity (id: string, record: SessionRecord, expiresAt: number): Promise<void>
  /** @param isUnstamped the session has no record of its own: a visitor whose user was taken out is not timed by it */
  writeStart (id: string, record: SessionRecord, isUnstamped: boolean, expiresAt: number): Promise<void>
  /** Whether the user was warned that the session which began at that instant is about to end. */
  isWarned (id: string, startedAt: number): Promise<boolean>
  noteWarned (id: string, startedAt: number, expiresAt: number): Promise<void>
  /** The session is over, and its record with it. */
  drop (id: string, kinds: Iterable<RecordEntryKind>): void
}

export function createRecordEntries (store: GuardedStore): RecordEntries {
  return {
    async read (id) {
      const [activity, start] = await Promise.all([readRecordEntry(id, 'activity'), readRecordEntry(id, 'start')])
      return { activity, start }
    },
    readActivity: id => readRecordEntry(id, 'activity'),
    hasUnstamped: async id => (await store.readEntry(id, 'start'))?.isUnstamped === true,
    writeActivity: (id, record, expiresAt) => store.writeEntry(id, 'activity', { sessionTimeout: record }, expiresAt),
    writeStart: (id, record, isUnstamped, expiresAt) => {
      return store.writeEntry(id, 'start', { sessionTimeout: record, ...isUnstamped && { isUnstamped } }, expiresAt)
    },
    isWarned: async (id, startedAt) => await store.readEntry(id, `warned:${startedAt}`) !== undefined,
    noteWarned: (id, startedAt, expiresAt) => store.writeEntry(id, `warned:${startedAt}`, {}, expiresAt),
    drop (id, kinds) {
      for (const kind of kinds) store.dropEntry(id, kind)
    }
  }

  async function readRecordEntry (id: string, kind: RecordEntryKind): Promise<SessionRecord | undefined> {
    const entry = await store.readEntry(id, kind)
    return (entry && readRecord(entry)) ?? undefined
  }
}

/**
 * When the stored copy of a session may be forgotten, epoch ms. Its record moves on without it, so it is given the
 * latest deadline that it can have without another write, but no more than a week ahead: without an absolute limit
 * there would be no end.
 */
export function copyExpiryOf (record: SessionRecord, limits: Limits, storeGrace: number): number {
  const { first, absolute } = deadlines(record, limits)
  return Math.min(absolute, first + longestAhead) + graceOf(storeGrace)
}

/** When an entry of its record may be forgotten, epoch ms. */
export function entryExpiryOf (record: SessionRecord, limits: Limits, storeGrace: number): number {
  return deadlines(record, limits).first + graceOf(storeGrace)
}

/** From when on the copy has to be written anew, so that it does not expire while the record moves on. */
export function isCopyShort (expiresAt: number, record: SessionRecord, limits: Limits, storeGrace: number): boolean {
  return expiresAt < deadlines(record, limits).first + graceOf(storeGrace) / 2
}

const longestAhead = 7 * day

/**
 * Two minutes at least: @fastify/session exchanges a session that is past its own expiry, and clocks of processes differ.
 */
export function graceOf (storeGrace: number): number {
  return Math.max(storeGrace, 2 * minute)
}
