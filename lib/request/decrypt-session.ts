import type { FastifyInstance, FastifyRequest } from 'fastify'
import { now } from '../clock.js'
import { endOf } from '../policy.js'
import { refreshClock } from '../session/clock-reading.js'
import { findSessions, type Registration } from '../session/registration.js'
import { isSignedOut, userOf } from '../session/signed-out-users.js'
import { isBeforeCheck, visitOf } from '../session/visit.js'
import { adopt, sessionOf, type HostSession } from '../store/host-session.js'
import { readRecord } from '../store/stored-session.js'

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
  const record = readRecord(session)
  const { settings } = registration
  const visit = visitOf(request)
  const sessions = await findSessions(registration)
  const known = sessions.use(session.sessionId)
  try {
    if (visit) {
      visit.hold(known.id)
      adopt(session, visit.host.slots, visit.store)
    }
    // Malformed.
    if (record === null || known.ended !== null) return true
    const user = userOf(registration, session)
    if (user !== null && await isSignedOut(sessions, known, { session, user })) return true
    if (record === undefined) return false
    known.learnSaved(record, now())
    visit?.settleOn(known)
    const limits = visit?.limits() ?? settings.limits(request)
    if (endOf(known.record!, limits, now()) === null) return false
    await refreshClock(sessions, known)
    return known.record === null || endOf(known.record, limits, now()) !== null
  } finally {
    sessions.release(known)
  }
}
