import { invalidOption } from '../errors.js'
import type { Visit } from '../session/visit.js'
import { otherCookieName, type HostSession } from '../store/host-session.js'

/** Seen to be right once, it is right: the host has one name for all its cookies. */
export function verifyCookieName (visit: Visit, session: HostSession): void {
  const { registration: { noticed, settings: { cookieName } }, cookie, host: { slots }, request } = visit
  if (noticed.cookieName || cookie === session.encryptedSessionId) return
  const name = otherCookieName(session, slots, request, cookieName)
  if (name !== undefined) refuseCookieName(name, cookieName)
  noticed.cookieName = cookie !== undefined
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function refuseCookieName (name: string, cookieName: string): never {
  throw invalidOption('cookieName', `that of @fastify/session, which is ${JSON.stringify(name)}`, cookieName)
}
