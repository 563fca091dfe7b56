import createError, { type FastifyError } from '@fastify/error'
import type { EndReason } from '../types/reasons.js'
import { isThenable } from './is-thenable.js'

/** A bad option, at registration, or a bad value from an option function, per request. */
export const InvalidOptionError = createError('FST_SESSION_TIMEOUT_INVALID_OPTION', '%s', 500, TypeError)

/** The session is over. `reason` says why. */
export const EndedError = createError('FST_SESSION_TIMEOUT_ENDED', '%s', 401)

/** The store would not do what has to be done before anything else. The cause is the store's error. */
export const StoreError = createError('FST_SESSION_TIMEOUT_STORE', 'The session store failed', 503)

/** A live session that began too long ago for what the request asks for: the user has to sign in again first. */
export const StaleError = createError('FST_SESSION_TIMEOUT_STALE', 'This needs a more recent sign-in', 401)

/** A cross-site call to an endpoint that changes state. */
export const ForbiddenError = createError('FST_SESSION_TIMEOUT_FORBIDDEN', 'Cross-site requests may not extend or end a session: %s', 403)

/** The plugin order is wrong, or the session plugin is not one that this plugin works with. */
export const NoSessionError = createError('FST_SESSION_TIMEOUT_NO_SESSION', '%s', 500)

/** A second registration in one scope. */
export const AlreadyRegisteredError = createError('FST_SESSION_TIMEOUT_ALREADY_REGISTERED',
  'fastify-session-timeout is already registered in this scope or one around it; use config.sessionTimeout for routes that differ', 500)

/** Why a signal aborts when nothing has ended but the server: no reason to sign in again. */
export const ClosingError = createError('FST_SESSION_TIMEOUT_CLOSING', 'The server is closing; the session goes on', 503)

/** A fault of the store as callers are told of it; what an option function did stays its own. */
export function asStoreError (error: unknown): Error {
  return error instanceof StoreError || error instanceof InvalidOptionError ? error : new StoreError({ cause: error })
}

const explanations: Record<EndReason, string> = {
  idle: 'The session ended because of inactivity',
  absolute: 'The session reached its longest permitted life',
  'signed-out': 'The user signed out',
  revoked: 'The session was ended by the application',
  missing: 'There is no such session, or it has ended'
}

/** The 401 that says why a session is over. */
export function endedError<Reason extends EndReason> (reason: Reason): FastifyError & { reason: Reason } {
  return Object.assign(new EndedError(explanations[reason]), { reason })
}

/** A bad option: names it, the rule and the value received. */
export function invalidOption (option: string, rule: string, value: unknown): FastifyError {
  return new InvalidOptionError(`${option} must be ${rule}, received ${describe(value)}`)
}

/** A bad argument of a method. Names its type only: it may be what tells a user, or opens a session. */
export function invalidArgument (argument: string, rule: string, value: unknown): FastifyError {
  return new InvalidOptionError(`${argument} must be ${rule}, received ${typeOf(value)}`)
}

/** A bad answer of an option function. Names the type of the answer only: it may be what a session holds. */
export function invalidAnswer (option: string, rule: string, value: unknown): FastifyError {
  return new InvalidOptionError(`what ${option} returns must be ${rule}, received ${typeOf(value)}`)
}

/** An option function that failed. What it threw is the cause, which goes to the log and not to the client. */
export function failedOption (option: string, cause: unknown): FastifyError {
  return new InvalidOptionError(`${option} failed: the function threw ${cause instanceof Error ? cause.name : typeOf(cause)}`, { cause })
}

function describe (value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (value === null || typeof value !== 'object') return String(value)
  return typeOf(value)
}

function typeOf (value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (isThenable(value)) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** What a log may hold of a store's error: drivers put the whole command into theirs, with the session in it. */
export function describeFault (error: unknown): object {
  const { name, message, code } = Object(error) as { name?: unknown, message?: unknown, code?: unknown }
  const fault = { name: String(name ?? 'Error'), message: String(message ?? error) }
  // Without a prototype: serializers of errors would call it an Object.
  return Object.assign(Object.create(null), fault, code === undefined ? undefined : { code })
}

/**
 * A store's error as others may see and log it: name, code, message and stack. Drivers put the whole command into
 * theirs, with the session in it.
 */
export function storeFault (error: unknown): Error {
  const { name, message, code, stack } = Object(error) as Partial<Record<'name' | 'message' | 'code' | 'stack', unknown>>
  const fault = new Error(String(message ?? error))
  fault.name = String(name ?? 'Error')
  if (typeof stack === 'string') fault.stack = stack
  return code === undefined ? fault : Object.assign(fault, { code })
}
