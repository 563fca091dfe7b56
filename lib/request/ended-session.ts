import type { EndReason, TimeoutReason } from '../../types/reasons.js'
import { StoreError } from '../errors.js'
import { startAfresh } from '../session/begin-visit.js'
import { explain, type Decision } from '../session/decisions.js'
import { isTimeout, type KnownSession } from '../session/known-session.js'
import { publicReason, type Visit } from '../session/visit.js'
import { signedIdIn, type HostSession } from '../store/host-session.js'
import { answerEnded, type Verdict } from './answer.js'
import { flashEnded } from './messages.js'
import { isNavigation, isSafe } from './navigation.js'
import { note } from './response-notes.js'

/* What becomes of a request whose session is over, or was never there. */

/** The request gets an empty session, and the browser keeps its cookie: the session lives on, or nobody knows. */
export function hideSession (visit: Visit): Promise<void> {
  note(visit.reply, { keepCookie: true })
  return startAfresh(visit)
}

export function answerKnownEnd (visit: Visit, known: KnownSession): Promise<Verdict> {
  return known.isEnding ? answerEndMeanwhile(visit, known) : alreadyEnded(visit, known)
}

/** The session was ended since it was loaded. */
export async function answerEndMeanwhile (visit: Visit, known: KnownSession, decision: Decision = 'ended'): Promise<Verdict> {
  explain(visit, decision)
  // The store may still refuse to: then the next request with this cookie tries again.
  if (known.ending !== undefined || known.isEnding) note(visit.reply, { keepCookie: true })
  await startAfresh(visit)
  return answerEnd(visit, known)
}

/** The host has loaded a session that is over: it was ended just now, or a write whose answer was lost has brought it back. */
async function alreadyEnded (visit: Visit, known: KnownSession): Promise<Verdict> {
  explain(visit, 'ended')
  await startAfresh(visit)
  const { store } = visit.host.sessions
  try {
    if (await store.get(known.id) !== undefined) await store.discard(known.id)
  } catch (cause) {
    throw new StoreError({ cause })
  }
  return answerEnd(visit, known)
}

/**
 * The session lives on, but its user was taken out of it elsewhere, and with that its record; or has signed in anew:
 * what this request has loaded is signed in, and nobody is.
 */
export async function continueWithoutUser (visit: Visit): Promise<Verdict> {
  explain(visit, 'left')
  await hideSession(visit)
  return 'continue'
}

export function answerEnd (visit: Visit, { ended }: KnownSession): Verdict {
  return ended !== null && isTimeout(ended) && visit.route?.checked !== false ? answerTimeout(visit, ended) : 'continue'
}

function answerTimeout (visit: Visit, reason: TimeoutReason): Verdict {
  const { request, reply } = visit
  flashEnded(visit, reason)
  return answerEnded(request, reply, reason, answerFor(visit), () => {
    // A poll leaves the cookie with the browser: the next page needs it to say why, whichever process it meets.
    if (isSafe(request) && !isNavigation(request) && pagesSayWhy(visit)) note(visit.reply, { keepCookie: true })
  })
}

/** Where pages are refused as well, and without a word, a cookie that stays would lock the user out. */
function pagesSayWhy ({ registration: { settings } }: Visit): boolean {
  return settings.afterTimeout !== 'unauthorized' || settings.flash !== false
}

export function answerFor ({ route, registration: { settings } }: Visit): Parameters<typeof answerEnded>[3] {
  return route?.afterTimeout ?? settings.afterTimeout
}

/** A cookie whose session is not in the store, or that is forged. */
export function answerMissingSession (visit: Visit, session: HostSession): Promise<Verdict> | Verdict {
  const { cookie, host: { sessions, slots } } = visit
  if (cookie === undefined) return 'continue'
  const recent = sessions.recent.findByCookie(cookie)
  if (recent) return answerMissing(visit, recent.reason)
  const id = signedIdIn(cookie, session, slots)
  if (id === null) return answerMissing(visit, 'missing')
  visit.missingId = id
  return lookForReason(visit, session, id, cookie)
}

/** Another process may have ended it, or this one longer ago. */
async function lookForReason (visit: Visit, session: HostSession, id: string, cookie: string): Promise<Verdict> {
  const { store, recent } = visit.host.sessions
  const [reason] = await Promise.all([store.reasonOf(id), clearSuccessor(visit, session)])
  if (reason !== undefined && isTimeout(reason)) recent.remember(id, reason, cookie)
  return answerMissing(visit, reason ?? 'missing')
}

function answerMissing (visit: Visit, reason: EndReason): Verdict {
  explain(visit, isTimeout(reason) ? 'ended' : 'missing')
  visit.initialEnd = publicReason(reason)
  return isTimeout(reason) && visit.route?.checked !== false ? answerTimeout(visit, reason) : 'continue'
}

/**
 * @fastify/session replaces a stored session that is past its own expiry by an empty one that it writes to the store.
 * Stores without a TTL would keep it for ever: it is removed, and the request goes on with an unsaved one.
 */
async function clearSuccessor (visit: Visit, { sessionId }: HostSession): Promise<void> {
  const { store } = visit.host.sessions
  if (await store.get(sessionId) === undefined) return
  await store.discard(sessionId)
  await startAfresh(visit)
}
