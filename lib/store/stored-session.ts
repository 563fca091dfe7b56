import type { Session } from 'fastify'
import { now } from '../clock.js'
import { parseRecord, type SessionRecord } from '../policy.js'

/** The key under which the record is kept in the session. */
const recordKey = 'sessionTimeout'

/** The key under which it says which sign-out everywhere of its user it has begun after. */
const generationKey = 'sessionTimeoutGeneration'

/** What a store gives back or is given: a session object (MemoryStore) or plain data. */
export type StoredSession = Session & { [recordKey]?: unknown, [generationKey]?: unknown }

/** Undefined where there is none, null where it is malformed. */
export function readRecord (session: StoredSession): SessionRecord | null | undefined {
  return parseRecord(session[recordKey])
}

/** Replaces the record, never changes it: MemoryStore shares nested objects between requests. */
export function writeRecord (session: StoredSession, record: SessionRecord): void {
  session[recordKey] = record
}

/** Undefined where the user was not signed out everywhere before. */
export function readGeneration (session: StoredSession): unknown {
  return session[generationKey]
}

export function writeGeneration (session: StoredSession, generation: unknown): void {
  if (generation !== undefined) session[generationKey] = generation
  else if (generationKey in session) delete session[generationKey]
}

/**
 * Takes the record away, and gives the session back the expiry that it had before.
 * @param record what it was, if there was one
 * @param loaded its expiry as the request loaded it: another one that is not ours was set by the application just now
 */
export function removeRecord (session: StoredSession, record: SessionRecord | null, loaded?: unknown): void {
  delete session[recordKey]
  const { cookie } = session
  if (!record || !cookie) return
  const { expires, originalMaxAge } = cookie
  if (expires instanceof Date && expires !== loaded && !written.has(expires)) return
  cookie.expires = originalMaxAge
    ? new Date(now() + originalMaxAge)
    : record.ownExpiry === undefined ? null : new Date(record.ownExpiry)
}

/** The expiries that follow from our record. */
const written = new WeakSet<Date>()

/** The expiry that the application gave a session which has no record yet; undefined for none. */
export function ownExpiryOf ({ cookie }: Session): number | undefined {
  const expires = cookie?.originalMaxAge ? NaN : Number(cookie?.expires ?? NaN)
  return Number.isFinite(expires) ? expires : undefined
}

/**
 * Stores turn this into a TTL, each in its own way: from `cookie.expires`, or from `cookie.maxAge`, which the plain
 * data that a store gave back does not have. Not enumerable, so that nothing more is serialised.
 */
export function writeExpiry (session: Session, expiresAt: number): void {
  const { cookie } = session
  if (!cookie) return
  cookie.expires = new Date(expiresAt)
  written.add(cookie.expires)
  if ('maxAge' in cookie) return
  Object.defineProperty(cookie, 'maxAge', {
    configurable: true,
    enumerable: false,
    get () { return Number(this.expires) - now() }
  })
}

/** A frozen copy of what the application kept in the session. */
export function dataOf (session: Session): Readonly<{ [key: string]: unknown }> {
  const data: { [key: string]: unknown } = Object.create(null)
  for (const [key, value] of Object.entries(session)) {
    if (key !== 'cookie' && key !== recordKey && key !== generationKey) data[key] = value
  }
  return Object.freeze(data)
}

/** Takes everything out of a session that the application put in. */
export function removeData (session: StoredSession): void {
  for (const key of Object.keys(session)) {
    if (key !== 'cookie') delete (session as unknown as { [key: string]: unknown })[key]
  }
}

/** When the stored copy expires, epoch ms; undefined where it does not say. What a store gave back has a string. */
export function expiryOf ({ cookie }: Session): number | undefined {
  const expires = Number(new Date(cookie?.expires ?? NaN))
  return Number.isFinite(expires) ? expires : undefined
}
