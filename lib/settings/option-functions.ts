import type { FastifyRequest, Session } from 'fastify'
import type { FastifySessionTimeoutOptions } from '../../types/index.js'
import { invalidOption } from '../errors.js'
import { isThenable } from '../is-thenable.js'
import { fn } from './values.js'

/** Whose session it is: text that tells users apart, or null for nobody. */
export type ReadUser = (session: Session) => string | null

export type Predicate = (request: FastifyRequest) => boolean

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION, also for what the option returns for a session */
export function resolveUser (value: FastifySessionTimeoutOptions['user']): ReadUser | undefined {
  const ask = fn('user', value)
  return ask && function readUser (session) {
    // What a store gave back is plain data, and lacks the methods.
    const user: unknown = ask(session as FastifyRequest['session'])
    if (user === undefined || user === null) return null
    if (typeof user !== 'string' && !(typeof user === 'number' && !Number.isNaN(user))) {
      throw invalidOption('what user returns', 'a string, a number, or null or undefined for nobody', user)
    }
    return `${typeof user}:${user}`
  }
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION, also for what the option returns for a request */
export function resolvePredicate (option: string, value: Predicate | undefined): Predicate | undefined {
  const ask = fn(option, value)
  return ask && function askOption (request) {
    const answer: unknown = ask(request)
    // A promise is truthy: an async function would silently mean "always".
    if (isThenable(answer)) throw invalidOption(`what ${option} returns`, 'true or false', answer)
    return Boolean(answer)
  }
}
