import type { FastifyInstance, FastifyRequest } from 'fastify'
import { findSessions, type Registration } from '../session/registration.js'
import { checkLoaded } from '../session/unchecked-session.js'
import { isBeforeCheck, visitOf } from '../session/visit.js'
import { guardSession, sessionOf, type HostSession } from '../store/host-session.js'

type Callback = (error?: unknown) => void

/**
 * `app.decryptSession()` for applications and their other plugins (libraries for sockets call it): what it loads is
 * behind the check as well. A session that is over is not handed out, but an empty one; the next request with its
 * cookie ends it, and is told why.
 */
export function createDecryptSession (registration: Registration): FastifyInstance['decryptSession'] {
  return function decryptSession (signedId: string, request: FastifyRequest, ...rest: [Callback] | [object, Callback]) {
    const callback = rest.at(-1) as Callback
    // With the cookie's options, where there are any.
    const load = registration.decryptSession as (...values: unknown[]) => void
    load(signedId, request, ...rest.slice(0, -1), (error?: unknown) => {
      const session = sessionOf(request)
      // What a hook before ours loads, the check finds, and ends.
      if (error || session === undefined || isBeforeCheck(request)) return callback(error)
      isOver(registration, request, session).then(over => {
        // On the next tick: what the callback throws must not end in a promise.
        process.nextTick(over ? startAfresh : callback)
      }, fault => process.nextTick(refuse, fault))
    })

    function startAfresh (): void {
      request.session = null as never
      registration.decryptSession('', request, callback)
    }

    function refuse (fault: unknown): void {
      request.session = null as never
      callback(fault)
    }
  } as FastifyInstance['decryptSession']
}

async function isOver (registration: Registration, request: FastifyRequest, session: HostSession): Promise<boolean> {
  const visit = visitOf(request)
  const sessions = await findSessions(registration)
  const known = sessions.use(session.sessionId)
  try {
    if (visit) {
      visit.hold(known.id)
      guardSession(session, visit.host.slots, visit.store)
    }
    const { reason } = await checkLoaded(registration, sessions, known, session, () => {
      visit?.setCurrent(known)
      return visit?.limits() ?? registration.settings.limits(request)
    })
    return reason !== undefined
  } finally {
    sessions.release(known)
  }
}
