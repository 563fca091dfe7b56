import type { TimeoutReason } from '../types/reasons.js'

/** What is kept in the session, epoch ms. */
export interface SessionRecord {
  readonly startedAt: number
  readonly lastActivity: number
  /** When the application itself meant the session to expire, epoch ms: to be put back once it is no longer timed. */
  readonly ownExpiry?: number
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

export function deadlines (record: SessionRecord, limits: Limits): Deadlines {
  const idle = limits.idle === false ? Infinity : record.lastActivity + limits.idle
  const absolute = limits.absolute === false ? Infinity : record.startedAt + limits.absolute
  return { idle, absolute, first: Math.min(idle, absolute) }
}

/** Null while live (now < deadline); otherwise the limit that was reached first. */
export function endOf (record: SessionRecord, limits: Limits, now: number): TimeoutReason | null {
  const { idle, absolute, first } = deadlines(record, limits)
  if (now < first) return null
  return absolute <= idle ? 'absolute' : 'idle'
}

/** The stricter of two in each limit. */
export function stricter (one: Limits, other: Limits): Limits {
  return { idle: lesser(one.idle, other.idle), absolute: lesser(one.absolute, other.absolute) }
}

function lesser (one: number | false, other: number | false): number | false {
  if (one === false) return other
  return other === false ? one : Math.min(one, other)
}

/**
 * Reads what a store gave back.
 * @returns undefined where there is no record, null where it is malformed
 */
export function parseRecord (value: unknown): SessionRecord | null | undefined {
  if (value === undefined) return undefined
  if (value === null || typeof value !== 'object') return null
  const { startedAt, lastActivity, ownExpiry } = value as Partial<SessionRecord>
  if (!isInstant(startedAt) || !isInstant(lastActivity)) return null
  return compose(startedAt, lastActivity, isInstant(ownExpiry) ? ownExpiry : undefined)
}

/** With nothing but what there is: the host serialises and hashes the record twice a request. */
function compose (startedAt: number, lastActivity: number, ownExpiry?: number): SessionRecord {
  return ownExpiry === undefined ? { startedAt, lastActivity } : { startedAt, lastActivity, ownExpiry }
}

// ECMAScript's own limit of a Date: beyond it an expiry computed from the record would be invalid.
const greatestInstant = 8.64e15

function isInstant (value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= greatestInstant
}

/** Brings instants from the future (a clock that was set back) to now; the same object when there are none. */
export function clampRecord (record: SessionRecord, now: number): SessionRecord {
  if (record.startedAt <= now && record.lastActivity <= now) return record
  return { ...record, startedAt: Math.min(record.startedAt, now), lastActivity: Math.min(record.lastActivity, now) }
}

/** Joins two views of one session, so that neither instant ever moves backwards. One from the future counts as now. */
export function joinRecords (one: SessionRecord, other: SessionRecord, now: number): SessionRecord {
  const startedAt = Math.min(now, Math.max(one.startedAt, other.startedAt))
  const lastActivity = Math.min(now, Math.max(one.lastActivity, other.lastActivity))
  const ownExpiry = one.ownExpiry ?? other.ownExpiry
  if (one.startedAt === startedAt && one.lastActivity === lastActivity && one.ownExpiry === ownExpiry) return one
  return compose(startedAt, lastActivity, ownExpiry)
}

/** Whether a clock says what cannot have happened yet, by more than the clocks of two processes differ. */
export function isAhead (record: SessionRecord, now: number): boolean {
  return record.startedAt > now + tolerance || record.lastActivity > now + tolerance
}

const tolerance = 1000

/** Whether an activity at that instant moves lastActivity: not before the interval is over, and never backwards. */
export function isTouchDue (record: SessionRecord, touchInterval: number, at: number): boolean {
  return at > record.lastActivity && at - record.lastActivity >= touchInterval
}
