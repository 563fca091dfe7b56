import type { FastifyRequest, Session } from 'fastify'
import type { FastifySessionTimeoutOptions } from '../../types/index.js'
import { failedOption, invalidAnswer } from '../errors.js'
import { isThenable } from '../is-thenable.js'
import { fn } from './values.js'

/** Whose session it is: text that tells users apart, or null for nobody. */
export type ReadUser = (session: Session) => string | null

export type Predicate = (request: FastifyRequest) => boolean

/**
 * Calls an option function. By this way alone: whatever it does is its own failure, never one of the store, of the
 * plugin or of the process.
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION when it throws, or when it is async
 */
export function callOption<Values extends unknown[]> (
  option: string, rule: string, ask: (...values: Values) => unknown, ...values: Values
): unknown {
  let answer: unknown
  try {
    answer = ask(...values)
  } catch (cause) {
    throw failedOption(option, cause)
  }
  // A promise is truthy: an async function would silently mean "always".
  if (!isThenable(answer)) return answer
  // It is not waited for, and what it rejects with must not end the process.
  Promise.resolve(answer).catch(() => {})
  throw invalidAnswer(option, rule, answer)
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION, also for what the option returns for a session */
export function resolveUser (option: string, value: FastifySessionTimeoutOptions['user']): ReadUser | undefined {
  const ask = fn(option, value)
  const rule = 'a string, a number, or null or undefined for nobody'
  return ask && function readUser (session) {
    // What a store gave back is plain data, and lacks the methods.
    const user = callOption(option, rule, ask, session as FastifyRequest['session'])
    if (user === undefined || user === null) return null
    const name = nameOfUser(user)
    if (name === undefined) throw invalidAnswer(option, rule, user)
    return name
  }
}

/** Text that tells users apart; undefined for what cannot be a user. */
export function nameOfUser (user: unknown): string | undefined {
  return typeof user === 'string' || (typeof user === 'number' && !Number.isNaN(user)) ? `${typeof user}:${user}` : undefined
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION, also for what the option returns for a request */
export function resolvePredicate (option: string, value: Predicate | undefined): Predicate | undefined {
  const ask = fn(option, value)
  return ask && function askOption (request) {
    return Boolean(callOption(option, 'true or false', ask, request))
  }
}
