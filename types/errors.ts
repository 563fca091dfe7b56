import type { FastifyError } from '@fastify/error'
import type { EndReason } from './reasons.js'

/** The `code` of every error of this plugin; docs/options.md says when each of them comes. */
export type SessionTimeoutErrorCode =
  'FST_SESSION_TIMEOUT_INVALID_OPTION' | 'FST_SESSION_TIMEOUT_ENDED' | 'FST_SESSION_TIMEOUT_STORE' | 'FST_SESSION_TIMEOUT_STALE' |
  'FST_SESSION_TIMEOUT_FORBIDDEN' | 'FST_SESSION_TIMEOUT_NO_SESSION' | 'FST_SESSION_TIMEOUT_ALREADY_REGISTERED' |
  'FST_SESSION_TIMEOUT_CLOSING'

/** An error of this plugin. */
export interface SessionTimeoutError<Code extends SessionTimeoutErrorCode = SessionTimeoutErrorCode>
  extends FastifyError {
  readonly code: Code
  readonly statusCode: number
}

/** The 401 that says that a session has ended, and why. */
export interface SessionEndedError extends SessionTimeoutError<'FST_SESSION_TIMEOUT_ENDED'> {
  readonly reason: EndReason
}

/** A class of errors, for `instanceof`. The plugin makes them; an application need not. */
export type SessionTimeoutErrorClass<Thrown extends SessionTimeoutError> = abstract new (...args: string[]) => Thrown
