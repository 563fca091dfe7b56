import type { FastifyRequest, Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import type { Signer } from './endpoint/page-tag.js'
import { NoSessionError } from './errors.js'
import { hour, now } from './clock.js'
import { parseRecord, type Record } from './policy.js'

/*
 * The only file that knows what @fastify/session's objects look like.
 *
 * Every session object holds its store under a symbol. Exchanging it there for the guarded one (lib/guarded-store.ts) puts every later write of this session, and of the
 * sessions that regenerate() and reload() derive from it, behind the guard: without patching the host,
 * without a property on the session that an application or a store could see, and at no cost per request.
 */

/** The key under which the record is kept in the session. */
const recordKey = 'sessionTimeout'

/** How long the stored copy outlives its deadline, so that an ended session can still say why. */
const storeGrace = hour

/** A session of @fastify/session, as far as this plugin needs it. */
export type HostSession = FastifyRequest['session'] & { [key: string | symbol]: unknown }

/** What a store gave back: a session object (MemoryStore) or plain data. */
export type StoredSession = Session & { [recordKey]?: unknown }

/** Where the host keeps things in its session objects. */
export interface Slots {
  readonly store: symbol
  readonly signer: symbol | undefined
}

/** @returns undefined outside the cookie's path (a bare `{}`) and after `session.destroy()` (null) */
export function sessionOf (request: FastifyRequest): HostSession | undefined {
  const session = request.session as HostSession | null | undefined
  return session && typeof session.sessionId === 'string' && typeof session.encryptedSessionId === 'string' ? session : undefined
}

/** @throws FST_SESSION_TIMEOUT_NO_SESSION for a session plugin that does not keep its store in its sessions */
export function findSlots (session: HostSession, request: FastifyRequest): Slots {
  const symbols = Object.getOwnPropertySymbols(session)
  const store = symbols.find(symbol => session[symbol] === request.sessionStore)
  const signer = symbols.find(symbol => typeof (session[symbol] as Partial<Signer> | null)?.unsign === 'function')
  if (store === undefined) {
    throw new NoSessionError('This version of @fastify/session cannot be guarded: use 11.1.3 or later of its version 11')
  }
  return { store, signer }
}

/** Puts a session, and all that are derived from it, behind the guarded store. */
export function adopt (session: HostSession, slots: Slots, guarded: SessionStore): void {
  session[slots.store] = guarded
}

/** Whether the host took this session from the store, rather than making a new one for a cookie it could not use. */
export function wasRestored (session: HostSession, slots: Slots, cookie: string): boolean {
  if (cookie.endsWith(session.encryptedSessionId)) return true
  // An older secret signed the cookie: the id is the same, the signature is not.
  if (cookie.includes(session.sessionId)) return true
  return unsign(session, slots, cookie) === session.sessionId
}

/** The session id in a validly signed cookie; null in any other. */
export function unsign (session: HostSession, slots: Slots, cookie: string): string | null {
  const { length } = session.encryptedSessionId
  // Behind a cookiePrefix, which the host tells nobody: what it signs is always of one length.
  return unsignValue(session, slots, cookie) ?? (cookie.length > length ? unsignValue(session, slots, cookie.slice(-length)) : null)
}

/** What the host signs the cookie of this session with. */
export function signerOf (session: HostSession, slots: Slots): Signer | undefined {
  return slots.signer && session[slots.signer] as Signer
}

function unsignValue (session: HostSession, slots: Slots, value: string): string | null {
  const signer = signerOf(session, slots)
  try {
    const result = signer?.unsign(value)
    return result?.valid ? result.value : null
  } catch {
    return null
  }
}

/** The cookiePrefix in a cookie that held this session: what stands before the signed value, the id being at the same place in every signature. */
export function prefixOf (cookie: string, session: HostSession): string {
  const { sessionId, encryptedSessionId } = session
  const length = cookie.endsWith(encryptedSessionId)
    ? cookie.length - encryptedSessionId.length
    : cookie.indexOf(sessionId) - encryptedSessionId.indexOf(sessionId)
  return cookie.slice(0, Math.max(0, length))
}

/** Whether a cookie of another name than `cookieName` holds this session. */
export function cameUnderOtherName (session: HostSession, request: FastifyRequest, cookieName: string): string | undefined {
  for (const [name, value] of Object.entries(request.cookies)) {
    if (name !== cookieName && value?.endsWith(session.encryptedSessionId)) return name
  }
  return undefined
}

/** Undefined where there is none, null where it is malformed. */
export function readRecord (session: StoredSession): Record | null | undefined {
  return parseRecord(session[recordKey])
}

/** Replaces the record, never changes it: MemoryStore shares nested objects between requests. */
export function writeRecord (session: StoredSession, record: Record): void {
  session[recordKey] = record
}

export function removeRecord (session: StoredSession): void {
  if (session[recordKey] === undefined) return
  delete session[recordKey]
  // The expiry came with the record: a session that is no longer timed must not end by it.
  const { cookie } = session
  cookie.expires = cookie.originalMaxAge ? new Date(now() + cookie.originalMaxAge) : null
}

/** Stores turn this into a TTL. */
export function writeStoreExpiry (session: Session, deadline: number): void {
  if (session.cookie) session.cookie.expires = new Date(deadline + storeGrace)
}

/** A frozen copy of what the application kept in the session. */
export function dataOf (session: Session): Readonly<{ [key: string]: unknown }> {
  const data: { [key: string]: unknown } = Object.create(null)
  for (const [key, value] of Object.entries(session)) {
    if (key !== 'cookie' && key !== recordKey) data[key] = value
  }
  return Object.freeze(data)
}
