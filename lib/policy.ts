import type { TimeoutReason } from '../types/index.js'

/** What is kept in the session, epoch ms. `warned` appears once the absolute warning has been given. */
export interface Record {
  readonly startedAt: number
  readonly lastActivity: number
  readonly warned?: true
}

/** Ms, or false for no such limit. */
export interface Limits {
  readonly idle: number | false
  readonly absolute: number | false
}

/** Epoch ms; Infinity where there is no such limit. */
export interface Deadlines {
  readonly idle: number
  readonly absolute: number
  /** The earlier of the two; always finite, as a session without any limit is refused. */
  readonly first: number
}

export function deadlines (record: Record, limits: Limits): Deadlines {
  const idle = limits.idle === false ? Infinity : record.lastActivity + limits.idle
  const absolute = limits.absolute === false ? Infinity : record.startedAt + limits.absolute
  return { idle, absolute, first: Math.min(idle, absolute) }
}

/** Null while live (now < deadline); otherwise the limit that was reached first. */
export function endOf (record: Record, limits: Limits, now: number): TimeoutReason | null {
  const { idle, absolute, first } = deadlines(record, limits)
  if (now < first) return null
  return absolute <= idle ? 'absolute' : 'idle'
}

/**
 * Reads what a store gave back.
 * @returns undefined where there is no record, null where it is malformed
 */
export function parseRecord (value: unknown): Record | null | undefined {
  if (value === undefined) return undefined
  if (value === null || typeof value !== 'object') return null
  const { startedAt, lastActivity, warned } = value as Partial<Record>
  if (!isInstant(startedAt) || !isInstant(lastActivity)) return null
  return warned === true ? { startedAt, lastActivity, warned } : { startedAt, lastActivity }
}

// ECMAScript's own limit of a Date: beyond it an expiry computed from the record would be invalid.
const greatestInstant = 8.64e15

function isInstant (value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= greatestInstant
}

/** Brings instants from the future (a clock that was set back) to now; the same object when there are none. */
export function clampRecord (record: Record, now: number): Record {
  if (record.startedAt <= now && record.lastActivity <= now) return record
  return { ...record, startedAt: Math.min(record.startedAt, now), lastActivity: Math.min(record.lastActivity, now) }
}

/**
 * Joins two views of one session, so that neither instant ever moves backwards.
 * A newer start wins, because only a restart moves it.
 */
export function mergeRecords (ours: Record, stored: Record, now: number): Record {
  const startedAt = Math.max(ours.startedAt, stored.startedAt)
  const lastActivity = Math.max(ours.lastActivity, stored.lastActivity)
  const warned = (ours.startedAt === startedAt && ours.warned) || (stored.startedAt === startedAt && stored.warned)
  return clampRecord(warned ? { startedAt, lastActivity, warned } : { startedAt, lastActivity }, now)
}

export function isTouchDue (record: Record, touchInterval: number, now: number): boolean {
  return now - record.lastActivity >= touchInterval
}
