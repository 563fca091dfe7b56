import { createRequire } from 'node:module'
import type { FastifyRequest, Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { NoSessionError } from '../errors.js'

/*
 * The only file that knows what @fastify/session's objects look like.
 *
 * Every session object holds its store under a symbol. Exchanging it there for the store as one request sees it
 * (lib/session/request-store.ts) puts every later write of this session, and of the sessions that regenerate() and
 * reload() derive from it, behind the guard: without patching the host, without a property on the session that an
 * application or a store could see, and at no cost per request. The same with its generator of ids, which tells
 * when a successor is made.
 */

/** A session of @fastify/session, as far as this plugin needs it. */
export type HostSession = FastifyRequest['session'] & { [key: string | symbol]: unknown }

type GenerateId = (request: FastifyRequest) => string

interface Signer {
  sign (value: string): string
  unsign (value: string): { valid: boolean, value: string | null }
}

/** Where the host keeps things in its session objects, and what they are. */
export interface Slots {
  readonly store: symbol
  readonly signer: Signer
  readonly generateId: symbol
  /** The host's cookiePrefix, once it was found. */
  readonly prefixes: { found: string | undefined }
  /** Makes an id. */
  readonly createId: GenerateId
  /** Makes an id for a successor, and notes that. */
  readonly noteSuccessor: GenerateId
}

/** @returns undefined outside the cookie's path (a bare `{}`) and after `session.destroy()` (null) */
export function sessionOf (request: FastifyRequest): HostSession | undefined {
  const session = request.session as HostSession | null | undefined
  return session && typeof session.sessionId === 'string' && typeof session.encryptedSessionId === 'string'
    ? session
    : undefined
}

/**
 * @param onSuccessor called when a session makes another one that is to take its place: `regenerate()`
 * @throws FST_SESSION_TIMEOUT_NO_SESSION for a session plugin that does not keep all that in its sessions
 */
export function findSlots (
  session: HostSession, store: unknown, onSuccessor: (request: FastifyRequest) => void
): Slots {
  const symbols = Object.getOwnPropertySymbols(session)
  const storeSlot = symbols.find(symbol => session[symbol] === store)
  const signerSlot = symbols.find(symbol => typeof (session[symbol] as Partial<Signer> | null)?.unsign === 'function')
  const generateId = symbols.find(symbol => symbol.description === 'generateId' && typeof session[symbol] === 'function')
  if (storeSlot === undefined || signerSlot === undefined || generateId === undefined) throw unguardable()
  const generate = session[generateId] as GenerateId
  return {
    store: storeSlot,
    signer: session[signerSlot] as Signer,
    generateId,
    createId: generate,
    prefixes: { found: undefined },
    noteSuccessor (request) {
      onSuccessor(request)
      return generate(request)
    }
  }
}

/** The host's own store, which every session holds. */
export function storeIn (session: HostSession): SessionStore | undefined {
  return Object.getOwnPropertySymbols(session).map(symbol => session[symbol]).find(isStore)
}

function isStore (value: unknown): value is SessionStore {
  const { get, set, destroy } = Object(value) as Partial<SessionStore>
  return typeof get === 'function' && typeof set === 'function' && typeof destroy === 'function'
}

const nothing = Function.prototype as () => void

/**
 * Tries on a session that nobody has whether the exchange of its store, and of its generator of ids, does what it is for.
 * @throws FST_SESSION_TIMEOUT_NO_SESSION where it does not
 */
export function assertGuardable (session: HostSession): void {
  const seen: string[] = []
  const slots = findSlots(session, storeIn(session), () => { seen.push('id') })
  guardSession(session, slots, {
    get: nothing,
    destroy (_id, answer) {
      seen.push('destroy')
      answer()
    },
    set (_id, _session, answer) {
      seen.push('set')
      answer()
    }
  })
  session.regenerate(nothing)
  if (seen.join() !== 'id,destroy,set') throw unguardable()
}

function unguardable (): Error {
  return new NoSessionError(`@fastify/session ${hostVersion()} cannot be guarded, since its sessions are made otherwise: ` +
    'use 11.1.3, or a later release of its version 11 that this plugin knows')
}

function hostVersion (): string {
  return (createRequire(import.meta.url)('@fastify/session/package.json') as { version: string }).version
}

/** Puts a session, and all that are derived from it, behind our store: every later write passes the guard. */
export function guardSession (session: HostSession, slots: Slots, store: SessionStore): void {
  session[slots.store] = store
  session[slots.generateId] = slots.noteSuccessor
}

/**
 * Whether the host took this session from the store, rather than making a new one. Only what proves it counts: it
 * has a record of ours, the cookie holds exactly its id, or it has data that nobody has put in since.
 */
export function isRestored (
  session: HostSession, slots: Slots, cookie: string | undefined, hasRecord: boolean
): boolean {
  return hasRecord ||
    cookie === session.encryptedSessionId ||
    (hasData(session) && !session.isModified()) ||
    (cookie !== undefined && unsign(slots, cookie) === session.sessionId)
}

/** Whether there is anything in it besides its cookie. */
export function hasData (session: Session): boolean {
  for (const key in session) if (key !== 'cookie') return true
  return false
}

/** The session id in a validly signed cookie; null in any other. */
export function unsign (slots: Slots, cookie: string): string | null {
  try {
    const { valid, value } = slots.signer.unsign(cookie)
    return valid ? value : null
  } catch {
    return null
  }
}

/** The session id in the cookie of a session that is gone, also behind a prefix where signatures are of one length. */
export function signedIdIn (cookie: string, session: HostSession, slots: Slots): string | null {
  const { length } = session.encryptedSessionId
  return unsign(slots, cookie) ?? (cookie.length > length ? unsign(slots, cookie.slice(-length)) : null)
}

// A cookiePrefix is a word, not a text.
const longestPrefix = 64

/**
 * What stands before the signed id in a cookie that holds this session: the cookiePrefix, which the host tells nobody.
 * It is the same in all its cookies, so that what was found once is tried first.
 * @returns undefined when no part of the cookie holds it
 */
export function prefixOf (cookie: string, session: HostSession, slots: Slots): string | undefined {
  const { prefixes } = slots
  if (cookie.endsWith(session.encryptedSessionId)) return cookie.slice(0, -session.encryptedSessionId.length)
  if (prefixes.found !== undefined && holds(prefixes.found.length)) return prefixes.found
  // Signed with an older secret, or by a signer that never signs twice alike.
  // From the longest on: some signers pass over characters that are none of theirs.
  for (let length = Math.min(longestPrefix, cookie.length); length >= 0; length--) {
    if (holds(length)) return (prefixes.found = cookie.slice(0, length))
  }
  return undefined

  function holds (length: number): boolean {
    return unsign(slots, cookie.slice(length)) === session.sessionId
  }
}

/** The attributes with which the host sets the cookie of this session. */
export function cookieAttributes (session: HostSession): { [name: string]: unknown, secure?: boolean | null } {
  return (session.cookie as unknown as { toJSON (): { secure: boolean | null } }).toJSON()
}
