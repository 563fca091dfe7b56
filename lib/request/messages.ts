import type {} from '@fastify/flash'
import type { FastifyReply } from 'fastify'
import type { TimeoutReason } from '../../types/reasons.js'
import { describeFault } from '../errors.js'
import { deadlines } from '../policy.js'
import { refreshRecord } from '../session/refresh-record.js'
import type { KnownSession } from '../session/known-session.js'
import type { Timing, Visit } from '../session/visit.js'
import { entryExpiryOf } from '../store/record-entries.js'
import { sessionOf } from '../store/host-session.js'
import type { FlashSettings } from '../settings/flash.js'
import { isNavigation, isPrefetch } from './navigation.js'
import { note } from './response-notes.js'

type Messages = { [type: string]: unknown[] }
type ReadMessages = (type?: string) => Messages | unknown[] | undefined

/**
 * On the fresh session: why the old one ended. An API call must not create a session to hold a message, and only
 * one page is given it: a session for each of a thousand tries with an old cookie would fill the store.
 */
export function flashEnded (visit: Visit, reason: TimeoutReason): void {
  const { request, registration: { settings: { flash } }, host: { sessions: { recent } } } = visit
  if (!flash || !isNavigation(request)) return
  const end = visit.initial ? recent.find(visit.initial.id) : recent.findByCookie(visit.cookie)
  if (end?.isMessageShown) {
    // The page that got the message has a session by now, whose cookie this response must not clear.
    note(visit.reply, { keepCookie: true })
    return
  }
  if (end) end.isMessageShown = true
  request.flash(flash.type, flash.ended(reason, request))
}

/**
 * Once per session: that it is about to reach the limit that no activity moves. It is due on the first page, and is
 * handed to whoever reads the messages next. It is written nowhere else: a session that the application did not change
 * is not saved for it.
 * @returns undefined where the store need not be asked, which is nearly always
 */
export function offerWarning (visit: Visit): Promise<void> | undefined {
  const { request, registration: { settings: { flash } } } = visit
  if (!flash) return undefined
  const timing = visit.timing()
  if (timing === null || !isWarningDue(visit, timing)) return undefined
  const { session, record } = timing
  if (session.offeredOf === record.startedAt) return offer(visit, timing, flash)
  return isNavigation(request) && !isPrefetch(request) ? askAndOffer(visit, session, flash) : undefined
}

function isWarningDue ({ at, registration: { settings } }: Visit, { session, record, limits }: Timing): boolean {
  return session.warnedOf !== record.startedAt && deadlines(record, limits).absolute - at <= settings.warnBefore
}

/** Another process may have warned the user already, or restarted the session. */
async function askAndOffer (visit: Visit, session: KnownSession, flash: FlashSettings): Promise<void> {
  const { recordEntries } = visit.host.sessions
  try {
    await refreshRecord(visit.host.sessions, session)
    const timing = visit.timing()
    if (timing === null || !isWarningDue(visit, timing)) return
    const { startedAt } = timing.record
    if (await recordEntries.isWarned(session.id, startedAt)) session.warnedOf = startedAt
    else offer(visit, timing, flash)
  } catch (error) {
    visit.request.log.warn({ err: describeFault(error) }, 'user not warned: the session store failed')
  }
}

function offer (visit: Visit, { session, record, limits }: Timing, { type, expiring }: FlashSettings): undefined {
  const { request, registration: { settings: { storeGrace } }, host: { sessions } } = visit
  const reply = visit.reply as FastifyReply & { flash: ReadMessages }
  const { startedAt } = record
  const read = reply.flash
  session.offeredOf = startedAt
  reply.flash = function readWithWarning (asked?: string) {
    // Reading empties the list that is in the session: there is none to empty.
    const found = sessionOf(request)?.flash === undefined ? {} : read.call(reply, asked)
    // A copy: a store in memory may share the list between requests.
    const messages: Messages = asked === undefined
      ? { ...found as Messages }
      : { [asked]: Array.isArray(found) ? found : [] }
    if (session.warnedOf !== startedAt && (asked === undefined || asked === type)) {
      session.warnedOf = startedAt
      messages[type] = [...messages[type] ?? [], expiring(deadlines(record, limits).absolute - visit.at, request)]
      sessions.recordEntries.noteWarned(session.id, startedAt, entryExpiryOf(record, visit.generalLimits(), storeGrace))
        .catch(error => request.log.warn({ err: describeFault(error) }, 'the user may be warned twice: the session store failed'))
    }
    return asked === undefined ? messages : messages[asked]
  }
  return undefined
}
