import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TimeoutReason } from '../../types/reasons.js'
import { now } from '../clock.js'
import { asStoreError, describeFault, StoreError } from '../errors.js'
import { endOf, isAhead, isTouchDue, type SessionRecord } from '../policy.js'
import { beginVisit, startAfresh } from '../session/begin-visit.js'
import { freshFor, refreshRecord } from '../session/refresh-record.js'
import { explain, type Decision } from '../session/decisions.js'
import { endByTimeout } from '../session/end.js'
import type { KnownSession } from '../session/known-session.js'
import type { Registration } from '../session/registration.js'
import { endIfSignedOut, userToLookUp, type UserSession, type UserCheck } from '../session/signed-out-users.js'
import { rewriteFutureRecord, stampStored, touch } from '../session/touch.js'
import { noteNoSession, visitOf, type Visit } from '../session/visit.js'
import { isRestored, sessionOf } from '../store/host-session.js'
import { readRecord } from '../store/stored-session.js'
import { answerStale, type Verdict } from './answer.js'
import { offerWarning } from './messages.js'
import { isPrefetch } from './navigation.js'
import { isFromOtherSite } from './other-sites.js'
import { answerEnd, answerFor, answerEndMeanwhile, hideSession, continueWithoutUser, answerMissingSession, answerKnownEnd } from './ended-session.js'
import { closeRefusedUpgrade } from './refused-upgrade.js'

type Done = (error?: Error) => void
type Hook = (request: FastifyRequest, reply: FastifyReply, done: Done) => Promise<void> | undefined
type Check = (request: FastifyRequest, reply: FastifyReply) => Promise<Verdict> | Verdict

/**
 * The onRequest hook: whether the session that a request comes with is live.
 * The common path, where no touch is due, is synchronous.
 */
export function createCheckHook (registration: Registration): Hook {
  return asHook(function checkSession (request, reply) {
    const session = sessionOf(request)
    if (session === undefined) {
      noteNoSession(request)
      return 'continue'
    }
    const visit = beginVisit(registration, request, reply, session)
    closeRefusedUpgrade(request, reply)
    const loaded = readRecord(session)
    if (!isRestored(session, visit.host.slots, visit.cookie, loaded !== undefined)) {
      return answerMissingSession(visit, session)
    }
    const known = visit.initial = visit.hold(session.sessionId)
    visit.setCurrent(known)
    visit.loadedExpiry = session.cookie.expires
    if (known.ended !== null && known.ending === undefined) return answerKnownEnd(visit, known)
    const user = userToLookUp(visit, known, session, visit.at)
    const goOnWith = (): Promise<Verdict> | Verdict => checkDeadline(visit, known, loaded)
    return user === null ? goOnWith() : checkUser(visit, known, { session, user }, goOnWith)
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
    const session = sessionOf(request)
    if (visit === undefined || known === null || session === undefined) return 'continue'
    if (known.ended !== null) return answerKnownEnd(visit, known)
    const at = now()
    const user = known.mustRecheckUser || at - visit.at > freshFor ? userToLookUp(visit, known, session, at) : null
    const goOnWith = (): Promise<Verdict> | Verdict => checkDeadlineAgain(visit, known, at)
    return user === null ? goOnWith() : checkUser(visit, known, { session, user }, goOnWith)
  })
}

function checkDeadlineAgain (visit: Visit, known: KnownSession, at: number): Promise<Verdict> | Verdict {
  if (known.record === null || visit.route?.checked === false) return 'continue'
  const reason = endOf(known.record, visit.limits(), at)
  if (reason !== null) return end(visit, known, reason, at)
  return at - visit.at > freshFor ? lookUpAgain(visit, known, at) : 'continue'
}

/** Whether its user was signed out everywhere. Without an answer nobody knows: then the request does not get the session. */
async function checkUser (
  visit: Visit, known: KnownSession, held: UserSession, goOnWith: () => Promise<Verdict> | Verdict
): Promise<Verdict> {
  const { registration, host: { sessions }, cookie } = visit
  let found: UserCheck
  try {
    found = await endIfSignedOut(registration, sessions, known, held, cookie)
  } catch (error) {
    await hideSession(visit)
    throw asStoreError(error)
  }
  if (found === 'live') return known.ended === null ? goOnWith() : answerEndMeanwhile(visit, known)
  return found === 'replaced' ? continueWithoutUser(visit) : answerEndMeanwhile(visit, known, found === 'ended' ? 'everywhere' : 'ended')
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

function checkDeadline (
  visit: Visit, known: KnownSession, loaded: SessionRecord | null | undefined
): Promise<Verdict> | Verdict {
  const { at } = visit
  const before = known.record ?? loaded
  const wasSetBack = before ? isAhead(before, at) : false
  if (loaded) {
    if (!wasSetBack) known.learnSaved(loaded, at)
    known.isUnstamped = false
  }
  if (visit.route?.checked === false) return continueWith(visit, 'unchecked')
  if (loaded === null) return end(visit, known, 'idle', at)
  if (loaded === undefined) return checkUnstamped(visit, known)
  const { settings, loggedWarnings } = visit.registration
  if (settings.mayContradict && !loggedWarnings.contradiction) visit.appliedAtLoad = settings.appliesTo(visit.request)
  const { record } = known
  return wasSetBack || record === null ? correctFutureRecord(visit, known, loaded) : decide(visit, known, record)
}

/** What becomes of a request whose session is timed, by what this process knows of its record. */
function decide (visit: Visit, known: KnownSession, record: SessionRecord): Promise<Verdict> | Verdict {
  const { registration: { settings }, at } = visit
  const limits = visit.limits()
  known.limits = visit.generalLimits()
  const reason = endOf(record, limits, at)
  if (reason !== null) return end(visit, known, reason, at)
  // A stricter route is ending it just now.
  if (known.ended !== null) return answerEndMeanwhile(visit, known)
  if (exceededAge(visit, record) !== undefined) return refuseStale(visit, known)
  if (!isTouchDue(record, settings.touchInterval(limits.idle), at)) return continueLive(visit, 'notDue', record)
  const passive = whyPassive(visit)
  return passive === undefined ? extend(visit, known, record) : continueLive(visit, passive, record)
}

/** The same once the store was asked: the session may have lost its record meanwhile, with its user. */
function decideAnew (visit: Visit, known: KnownSession): Promise<Verdict> | Verdict {
  return known.record === null ? continueWithoutUser(visit) : decide(visit, known, known.record)
}

function continueWith (visit: Visit, decision: Decision): Verdict {
  explain(visit, decision)
  return 'continue'
}

/** A live session: its user may have to be warned. */
function continueLive (visit: Visit, decision: Decision, record: SessionRecord): Promise<Verdict> | Verdict {
  explain(visit, decision, record)
  return offerWarning(visit)?.then(() => 'continue') ?? 'continue'
}

/** The route's `signedInWithin`, if the session is older than that. */
function exceededAge ({ at, route }: Visit, record: SessionRecord): number | undefined {
  const within = route?.signedInWithin
  return within !== undefined && at - record.startedAt >= within ? within : undefined
}

/** The session may have been restarted in another process. */
async function refuseStale (visit: Visit, known: KnownSession): Promise<Verdict> {
  await refreshRecord(visit.host.sessions, known)
  const within = known.record === null ? undefined : exceededAge(visit, known.record)
  if (known.record === null || within === undefined) return decideAnew(visit, known)
  explain(visit, 'stale', known.record)
  return answerStale(visit.request, visit.reply, within, answerFor(visit))
}

/** A clock that was set back: what the record says lies in the future, and is written as of now. */
async function correctFutureRecord (visit: Visit, known: KnownSession, saved: SessionRecord): Promise<Verdict> {
  try {
    await rewriteFutureRecord(visit, known, saved)
  } catch (error) {
    noteFault(visit, error)
    known.learnSaved(saved, visit.at)
  }
  return decideAnew(visit, known)
}

/**
 * A stored session without a record: it has no user, or is older than the plugin and has its record in an entry.
 * Where appliesTo may contradict itself, the record of a session that it denies may have been written by another request.
 */
function checkUnstamped (visit: Visit, known: KnownSession): Promise<Verdict> | Verdict {
  const { registration: { settings }, request, at } = visit
  const applies = settings.appliesTo(request)
  // The user was taken out of it in another process, unless one is just being signed in by another request.
  if (!applies && !known.isUnstamped && known.users === 1) known.record = null
  if (!applies && !settings.mayContradict) return continueWith(visit, 'untimed')
  visit.appliedAtLoad = applies
  if (known.isUnstamped && known.record !== null) return decide(visit, known, known.record)
  if (applies) return begin(visit, known)
  const isFresh = at - known.readAt < settings.touchInterval(settings.limits(request).idle)
  return isFresh ? continueWith(visit, 'untimed') : lookForRecord(visit, known)
}

async function lookForRecord (visit: Visit, known: KnownSession): Promise<Verdict> {
  const { sessions } = visit.host
  const isThere = await sessions.recordEntries.hasUnstamped(known.id)
  known.readAt = now()
  if (!isThere || known.ended !== null) return continueWith(visit, 'untimed')
  known.isUnstamped = true
  await refreshRecord(sessions, known)
  return decideAnew(visit, known)
}

/** Undefined: the request is an activity. */
function whyPassive ({ request, route, registration: { settings } }: Visit): Decision | undefined {
  if (isPrefetch(request)) return 'prefetch'
  if (isFromOtherSite(request, settings.trustedOrigins)) return 'otherSite'
  return route?.countsAsActivity ?? settings.countsAsActivity(request) ? undefined : 'passive'
}

/** A stored session that is older than the plugin: without a record it would never end, so it gets one or is not used. */
async function begin (visit: Visit, known: KnownSession): Promise<Verdict> {
  // Called here: what it throws is no fault of the store.
  visit.limits()
  try {
    if (!await stampStored(visit, known, visit.at)) return answerEndMeanwhile(visit, known)
  } catch (cause) {
    await hideSession(visit)
    throw new StoreError({ cause })
  }
  return decideAnew(visit, known)
}

async function extend (visit: Visit, known: KnownSession, record: SessionRecord): Promise<Verdict> {
  const joining = known.touches !== undefined
  try {
    if (!await touch(visit, known, visit.at)) return answerEndMeanwhile(visit, known)
  } catch (error) {
    if (!joining) noteFault(visit, error)
    return continueLive(visit, 'untouched', record)
  }
  return continueLive(visit, 'touched', record)
}

function noteFault ({ request }: Visit, error: unknown): void {
  request.log.warn({ err: describeFault(error) }, 'session not extended: the session store failed')
}

async function lookUpAgain (visit: Visit, known: KnownSession, at: number): Promise<Verdict> {
  const { sessions } = visit.host
  const stored = await sessions.store.get(known.id)
  visit.seenAt = at
  if (stored === undefined) sessions.noticeEnd(known)
  if (stored === undefined || known.ended !== null) return answerEndMeanwhile(visit, known)
  const record = readRecord(stored)
  if (record === null) return end(visit, known, 'idle', at)
  if (record === undefined && !known.isUnstamped) {
    known.record = null
    return continueWithoutUser(visit)
  }
  // What the store knows can only be newer.
  if (record) known.learnSaved(record, at)
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
      return outcome.record === null ? continueWithoutUser(visit) : decide(visit, session, outcome.record)
    }
    return visit.replied || visit.reply.sent ? 'replied' : answerEnd(visit, session)
  } catch (error) {
    if (!destroyed) {
      // The cookie stays with the browser, so that its next request tries to end the session again.
      await hideSession(visit)
    }
    throw error
  }
}
