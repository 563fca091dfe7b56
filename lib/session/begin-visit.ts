import type { FastifyReply, FastifyRequest } from 'fastify'
import { now } from '../clock.js'
import { NoSessionError } from '../errors.js'
import { guardSession, sessionOf, type HostSession } from '../store/host-session.js'
import { hostOf, type Registration } from './registration.js'
import { Visit, visitOf } from './visit.js'

/** Begins a visit: from here on, the session of the request is behind the guard. @throws FST_SESSION_TIMEOUT_NO_SESSION */
export function beginVisit (
  registration: Registration, request: FastifyRequest, reply: FastifyReply, session: HostSession
): Visit {
  const host = hostOf(registration, request, session, noteSuccessor)
  const cookie = request.cookies?.[registration.settings.cookieName]
  const visit = new Visit(registration, host, request, reply, now(), cookie, registration.rulesOf(request))
  guardSession(session, host.slots, visit.store)
  return visit
}

function noteSuccessor (request: FastifyRequest): void {
  visitOf(request)?.store.noteSuccessor()
}

/** Gives the request a fresh, empty, unsaved session with a new id, without touching the store. */
export function startAfresh (visit: Visit): Promise<void> {
  const { registration, host, request } = visit
  // Until it is there, nobody may see the old data, whatever the signer of the application does with ''.
  request.session = null as never
  return new Promise((resolve, reject) => {
    registration.decryptSession('', request, error => {
      const session = sessionOf(request)
      if (error || !session) return reject(error ?? new NoSessionError('@fastify/session gave no session'))
      guardSession(session, host.slots, visit.store)
      resolve()
    })
  })
}
