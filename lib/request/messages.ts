import type {} from '@fastify/flash'
import type { TimeoutReason } from '../../types/reasons.js'
import { deadlines } from '../policy.js'
import { sessionOf } from '../store/host-session.js'
import { writeRecord } from '../store/stored-session.js'
import type { Visit } from '../session/visit.js'
import { isNavigation, isPrefetch } from './navigation.js'

/**
 * On the fresh session: why the old one ended. An API call must not create a session to hold a message, and only
 * one page is given it: a session for each of a thousand tries with an old cookie would fill the store.
 */
export function sayEnded (visit: Visit, reason: TimeoutReason): void {
  const { request, registration: { settings: { flash } }, host: { sessions: { recent } } } = visit
  if (!flash || !isNavigation(request)) return
  const end = visit.came ? recent.find(visit.came.id) : recent.findByCookie(visit.cookie!)
  if (end?.told) {
    // The page that was told has a session by now, whose cookie this response must not clear.
    visit.keepCookie = true
    return
  }
  if (end) end.told = true
  request.flash(flash.type, flash.ended(reason, request))
}

/** Once per session: that it is about to reach the limit that no activity moves. */
export function sayExpiring (visit: Visit): void {
  const { request, at, registration: { settings: { flash, warnBefore } } } = visit
  if (!flash) return
  const timing = visit.timing()
  if (timing === null || timing.record.warned) return
  const remaining = deadlines(timing.record, timing.limits).absolute - at
  if (remaining > warnBefore || !isNavigation(request) || isPrefetch(request)) return
  // Known at once to all requests of the session, and written with this one's message.
  timing.session.record = { ...timing.record, warned: true }
  writeRecord(sessionOf(request)!, timing.session.record)
  request.flash(flash.type, flash.expiring(remaining, request))
}
