import type { FastifyError } from '@fastify/error'
import type { EndReason } from './reasons.js'

/** The `code` of each error of this plugin. docs/options.md says when each one occurs. */
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

/**
 * The 401 of a session that has ended. `reason` says why.
 * @example
 * ```ts
 * import { errors } from 'fastify-session-timeout'
 *
 * app.setErrorHandler((error, request, reply) => {
 *   if (error instanceof errors.EndedError) return reply.code(401).send({ signedOut: error.reason })
 *   return reply.send(error)
 * })
 * ```
 */
export interface SessionEndedError extends SessionTimeoutError<'FST_SESSION_TIMEOUT_ENDED'> {
  readonly reason: EndReason
}

/** A class of errors, for `instanceof`. Only the plugin creates instances. */
export type SessionTimeoutErrorClass<Thrown extends SessionTimeoutError> = abstract new (...args: string[]) => Thrown
