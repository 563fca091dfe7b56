import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerEnded } from './answer.js'
import { askStore } from './call-store.js'
import { now } from './clock.js'
import { endByTimeout, startAfresh } from './ending.js'
import { guard, limitsOf, type Engine, type Host } from './engine.js'
import { invalidOption } from './errors.js'
import { readStored } from './guarded-store.js'
import { sayEnded, sayExpiring } from './messages.js'
import { isPrefetch } from './navigation.js'
import { clampRecord, endOf, isTouchDue } from './policy.js'
import { cameUnderOtherName, readRecord, removeRecord, sessionOf, unsign, wasRestored, type HostSession } from './record.js'
import { routeRules } from './route-config.js'
import { createState, type RequestState } from './state.js'
import { touch } from './touch.js'
import type { TimeoutReason } from '../types/index.js'

type Done = (error?: Error) => void
type Verdict = 'continue' | 'replied'

/**
 * The onRequest hook. The common path, a live session with no touch due, is synchronous.
 * It takes `done` and therefore never returns a promise: Fastify would go on twice.
 */
export function createCheckHook (engine: Engine): (request: FastifyRequest, reply: FastifyReply, done: Done) => void {
  const { cookieName } = engine.settings

  return function checkSession (request, reply, done) {
    let work: Promise<Verdict> | undefined
    try {
      work = check(request, reply)
    } catch (error) {
      return done(error as Error)
    }
    if (work === undefined) return done()
    work.then(verdict => { if (verdict === 'continue' && !reply.sent) done() }, done)
  }

  function check (request: FastifyRequest, reply: FastifyReply): Promise<Verdict> | undefined {
    const cookie = request.cookies?.[cookieName]
    const session = sessionOf(request)
    if (session === undefined) return
    const state = createState(request, reply, now(), cookie, routeRules(request))
    const host = guard(engine, session, request, state)
    if (cookie === undefined) return refuseOtherName(session, request)
    if (!wasRestored(session, host.slots, cookie)) return missing(session, request, state, host, cookie)
    state.storedId = state.presentedId = session.sessionId
    if (state.route?.checked === false) return
    return checkRestored(session, request, state)
  }

  function checkRestored (session: HostSession, request: FastifyRequest, state: RequestState): Promise<Verdict> | undefined {
    if (!engine.settings.appliesTo(request)) {
      // Signed out by taking the user out of the session: the next user's clock starts at sign-in.
      removeRecord(session)
      return
    }
    const limits = state.limits = limitsOf(engine, request, state.route)
    const loaded = readRecord(session)
    if (loaded === null) return end(request, state, 'idle')
    if (loaded === undefined) {
      state.record = { startedAt: state.at, lastActivity: state.at }
      return extend(request, state)
    }
    const record = state.record = clampRecord(loaded, state.at)
    const reason = endOf(record, limits, state.at)
    if (reason !== null) return end(request, state, reason)
    const due = record !== loaded || (isTouchDue(record, engine.settings.touchInterval(limits.idle), state.at) && isActivity(request, state))
    if (due) return extend(request, state)
    sayExpiring(engine, request, state)
  }

  function isActivity (request: FastifyRequest, state: RequestState): boolean {
    if (isPrefetch(request)) return false
    return state.route?.countsAsActivity ?? engine.settings.countsAsActivity(request)
  }

  async function extend (request: FastifyRequest, state: RequestState): Promise<Verdict> {
    let stored = true
    const joining = engine.touches.has(state.storedId!)
    try {
      stored = await touch(engine, state, state.at)
    } catch (error) {
      if (!joining) request.log.warn({ err: error }, 'session not extended: the session store failed')
    }
    if (!stored) return gone(request, state)
    sayExpiring(engine, request, state)
    return 'continue'
  }

  /** The store lost the session between its load and its touch: somebody signed out. */
  async function gone (request: FastifyRequest, state: RequestState): Promise<Verdict> {
    const known = engine.recent.reasonFor(state.storedId!)
    await startAfresh(engine, request, state)
    return known === undefined || known === 'missing' ? passMissing(state) : answer(request, state, known)
  }

  async function end (request: FastifyRequest, state: RequestState, reason: TimeoutReason): Promise<Verdict> {
    let destroyed = false
    try {
      const outcome = await endByTimeout(engine, request, state, reason, state.at, () => {
        destroyed = true
        return startAfresh(engine, request, state)
      })
      if (outcome.kind === 'ended') return state.replied || state.reply.sent ? 'replied' : answer(request, state, outcome.reason)
    } catch (error) {
      if (!destroyed) {
        // The cookie stays with the browser, so that its next request tries to end the session again.
        state.withhold = 'all'
        await startAfresh(engine, request, state)
      }
      throw error
    }
    sayExpiring(engine, request, state)
    return 'continue'
  }

  function answer (request: FastifyRequest, state: RequestState, reason: TimeoutReason): Verdict {
    state.ended = reason
    sayEnded(engine, request, reason)
    return answerEnded(request, state.reply, reason, state.route?.afterTimeout ?? engine.settings.afterTimeout)
  }

  function passMissing (state: RequestState): Verdict {
    state.ended = 'missing'
    return 'continue'
  }

  /** A cookie whose session is not in the store, or that is forged. */
  function missing (session: HostSession, request: FastifyRequest, state: RequestState, host: Host, cookie: string): Promise<Verdict> | undefined {
    const known = engine.recent.reasonForCookie(cookie)
    if (known !== undefined && known !== 'missing' && state.route?.checked !== false) return Promise.resolve().then(() => answer(request, state, known))
    state.ended = 'missing'
    if (unsign(session, host.slots, cookie) === null) return
    return clearSuccessor(session, request, state, host)
  }

  /**
   * @fastify/session replaces a stored session that is past its own expiry by an empty one that it writes
   * to the store. Stores without a TTL would keep it for ever: take it out and go on with an unsaved one.
   */
  async function clearSuccessor (session: HostSession, request: FastifyRequest, state: RequestState, host: Host): Promise<Verdict> {
    const id = session.sessionId
    if (await readStored(host.store, id) !== undefined) {
      await askStore<void>(answered => host.store.discard(id, answered))
      await startAfresh(engine, request, state)
    }
    return 'continue'
  }

  function refuseOtherName (session: HostSession, request: FastifyRequest): undefined {
    const name = cameUnderOtherName(session, request, cookieName)
    if (name !== undefined) throw invalidOption('cookieName', `that of @fastify/session, which is ${JSON.stringify(name)}`, cookieName)
  }
}
