import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TimeoutReason } from '../../types/reasons.js'
import { now, second } from '../clock.js'
import { describeFault, StoreError } from '../errors.js'
import { endOf, isTouchDue, type SessionRecord } from '../policy.js'
import { beginVisit, startAfresh } from '../session/adopt.js'
import { endByTimeout } from '../session/end.js'
import { isTimeout, type KnownSession } from '../session/known-session.js'
import type { Registration } from '../session/registration.js'
import { stampStored, touch } from '../session/touch.js'
import { tellable, visitOf, type Visit } from '../session/visit.js'
import { askStore } from '../store/call-store.js'
import { readStored } from '../store/guarded-store.js'
import { isRestored, sessionOf, signedIdIn, type HostSession } from '../store/host-session.js'
import { readRecord } from '../store/stored-session.js'
import { answerEnded, answerStale, type Verdict } from './answer.js'
import { sayEnded, sayExpiring } from './messages.js'
import { isPrefetch } from './navigation.js'
import { isFromOtherSite } from './other-sites.js'
import { closeRefusedUpgrade } from './refused-upgrade.js'

type Done = (error?: Error) => void
type Hook = (request: FastifyRequest, reply: FastifyReply, done: Done) => Promise<void> | undefined
type Check = (request: FastifyRequest, reply: FastifyReply) => Promise<Verdict> | Verdict

/** How long what a request knows of its session is taken for fresh. */
const freshFor = second

/**
 * The onRequest hook: whether the session that a request comes with is live.
 * The common path, where no touch is due, is synchronous.
 */
export function createCheckHook (registration: Registration): Hook {
  return asHook(function checkSession (request, reply) {
    const session = sessionOf(request)
    if (session === undefined) return 'continue'
    const visit = beginVisit(registration, request, reply, session)
    closeRefusedUpgrade(request, reply)
    const loaded = readRecord(session)
    if (!isRestored(session, visit.host.slots, visit.cookie, loaded !== undefined)) return missing(visit, session)
    const known = visit.came = visit.hold(session.sessionId)
    visit.settleOn(known)
    visit.loadedExpiry = session.cookie.expires
    if (known.ended !== null && known.ending === undefined) return alreadyEnded(visit, known)
    return checkClock(visit, known, loaded)
  })
}

/**
 * The preValidation hook: the same once more, when the body has arrived. It may have taken any time to do so, and
 * what happened to the session meanwhile happened before this request as far as the application can tell.
 */
export function createSecondCheckHook (): Hook {
  return asHook(function checkSessionAgain (request) {
    const visit = visitOf(request)
    const known = visit?.current ?? null
    if (visit === undefined || known === null) return 'continue'
    if (known.ended !== null) return alreadyEnded(visit, known)
    if (known.record === null || visit.route?.checked === false) return 'continue'
    const at = now()
    const reason = endOf(known.record, visit.limits(), at)
    if (reason !== null) return end(visit, known, reason, at)
    return at - visit.at > freshFor ? askAgain(visit, known, at) : 'continue'
  })
}

/**
 * Either calls `done` or returns a promise, never both: Fastify would go on twice. It waits for a promise with a
 * guard against whatever the rest of the request throws, which a callback of ours would not have.
 */
function asHook (check: Check): Hook {
  return function checkHook (request, reply, done) {
    const verdict = check(request, reply)
    if (typeof verdict !== 'string') return verdict.then(outcome => goOn(outcome, reply))
    if (verdict === 'continue') done()
    return undefined
  }
}

/** A request that was answered goes no further. */
function goOn (verdict: Verdict, reply: FastifyReply): Promise<void> | undefined {
  return verdict === 'replied' || reply.sent ? new Promise(() => {}) : undefined
}

function checkClock (
  visit: Visit, known: KnownSession, loaded: SessionRecord | null | undefined
): Promise<Verdict> | Verdict {
  const { registration: { settings, noticed }, request, at } = visit
  if (loaded) known.learn(loaded, at)
  if (visit.route?.checked === false) return 'continue'
  if (loaded === null) return end(visit, known, 'idle', at)
  const { record } = known
  if (record === null) return settings.appliesTo(request) ? begin(visit, known) : 'continue'
  if (settings.mayContradict && !noticed.contradiction) visit.appliedAtLoad = settings.appliesTo(request)
  const limits = visit.limits()
  const reason = endOf(record, limits, at)
  if (reason !== null) return end(visit, known, reason, at)
  // A stricter route is ending it just now.
  if (known.ended !== null) return gone(visit, known)
  const within = visit.route?.signedInWithin
  if (within !== undefined && at - record.startedAt >= within) {
    return answerStale(request, visit.reply, within, answerFor(visit))
  }
  const rewrite = loaded !== undefined && (loaded.startedAt > at || loaded.lastActivity > at)
  const due = isTouchDue(record, settings.touchInterval(limits.idle), at) && isActivity(visit)
  if (rewrite || due) return extend(visit, known)
  sayExpiring(visit)
  return 'continue'
}

function isActivity ({ request, route, registration: { settings } }: Visit): boolean {
  if (isPrefetch(request) || isFromOtherSite(request, settings.trustedOrigins)) return false
  return route?.countsAsActivity ?? settings.countsAsActivity(request)
}

/** A stored session that is older than the plugin: without a clock it would never end, so it gets one or is not used. */
async function begin (visit: Visit, known: KnownSession): Promise<Verdict> {
  // Asked here: what it throws is no fault of the store.
  visit.limits()
  try {
    return await stampStored(visit, known, visit.at) ? 'continue' : gone(visit, known)
  } catch (cause) {
    visit.keepCookie = true
    await startAfresh(visit)
    throw new StoreError({ cause })
  }
}

async function extend (visit: Visit, known: KnownSession): Promise<Verdict> {
  const joining = known.touching !== undefined
  try {
    if (!await touch(visit, known, visit.at)) return gone(visit, known)
  } catch (error) {
    if (!joining) visit.request.log.warn({ err: describeFault(error) }, 'session not extended: the session store failed')
  }
  sayExpiring(visit)
  return 'continue'
}

/** The session was ended since it was loaded. */
async function gone (visit: Visit, known: KnownSession): Promise<Verdict> {
  // The store may still refuse to: then the next request with this cookie tries again.
  if (known.ending !== undefined) visit.keepCookie = true
  await startAfresh(visit)
  return answerEnd(visit, known)
}

/** The host has loaded a session that is over: it was ended just now, or a write whose answer was lost has brought it back. */
async function alreadyEnded (visit: Visit, known: KnownSession): Promise<Verdict> {
  await startAfresh(visit)
  const { store } = visit.host.sessions
  try {
    if (await readStored(store, known.id) !== undefined) await askStore<void>(answer => store.discard(known.id, answer))
  } catch (cause) {
    throw new StoreError({ cause })
  }
  return answerEnd(visit, known)
}

/**
 * The session lives on, but its user was taken out of it elsewhere, and with that its clock: what this request has
 * loaded is signed in, and nobody is.
 */
async function leaveUser (visit: Visit): Promise<Verdict> {
  visit.keepCookie = true
  await startAfresh(visit)
  return 'continue'
}

async function askAgain (visit: Visit, known: KnownSession, at: number): Promise<Verdict> {
  const { sessions } = visit.host
  const stored = await readStored(sessions.store, known.id)
  if (stored === undefined) sessions.noticeEnd(known)
  if (known.ended !== null) return gone(visit, known)
  const record = readRecord(stored!)
  if (record === null) return end(visit, known, 'idle', at)
  if (record === undefined) {
    known.record = null
    return leaveUser(visit)
  }
  // What the store knows can only be newer.
  known.learn(record, at)
  return 'continue'
}

async function end (visit: Visit, session: KnownSession, reason: TimeoutReason, at: number): Promise<Verdict> {
  let destroyed = false
  try {
    const outcome = await endByTimeout(visit, { session, limits: visit.limits(), reason, at }, () => {
      destroyed = true
      return startAfresh(visit)
    })
    if (outcome.kind === 'live') {
      if (outcome.record === null) return leaveUser(visit)
      sayExpiring(visit)
      return 'continue'
    }
    return visit.replied || visit.reply.sent ? 'replied' : answerEnd(visit, session)
  } catch (error) {
    if (!destroyed) {
      // The cookie stays with the browser, so that its next request tries to end the session again.
      visit.keepCookie = true
      await startAfresh(visit)
    }
    throw error
  }
}

function answerEnd (visit: Visit, { ended }: KnownSession): Verdict {
  return ended !== null && isTimeout(ended) && visit.route?.checked !== false ? answerTimeout(visit, ended) : 'continue'
}

function answerTimeout (visit: Visit, reason: TimeoutReason): Verdict {
  sayEnded(visit, reason)
  return answerEnded(visit.request, visit.reply, reason, answerFor(visit))
}

function answerFor ({ route, registration: { settings } }: Visit): Parameters<typeof answerEnded>[3] {
  return route?.afterTimeout ?? settings.afterTimeout
}

/** A cookie whose session is not in the store, or that is forged. */
function missing (visit: Visit, session: HostSession): Promise<Verdict> | Verdict {
  const { cookie, host: { sessions, slots } } = visit
  if (cookie === undefined) return 'continue'
  const reason = sessions.recent.findByCookie(cookie)?.reason ?? 'missing'
  visit.cameEnded = tellable(reason)
  if (isTimeout(reason) && visit.route?.checked !== false) return answerTimeout(visit, reason)
  return signedIdIn(cookie, session, slots) === null ? 'continue' : clearSuccessor(visit, session)
}

/**
 * @fastify/session replaces a stored session that is past its own expiry by an empty one that it writes to the store.
 * Stores without a TTL would keep it for ever: take it out and go on with an unsaved one.
 */
async function clearSuccessor (visit: Visit, { sessionId }: HostSession): Promise<Verdict> {
  const { store } = visit.host.sessions
  if (await readStored(store, sessionId) !== undefined) {
    await askStore<void>(answered => store.discard(sessionId, answered))
    await startAfresh(visit)
  }
  return 'continue'
}
