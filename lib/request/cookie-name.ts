import { invalidOption } from '../errors.js'

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function refuseCookieName (name: string, cookieName: string): never {
  throw invalidOption('cookieName', `that of @fastify/session, which is ${JSON.stringify(name)}`, cookieName)
}
