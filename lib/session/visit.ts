import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EndedReason, EndReason } from '../../types/reasons.js'
import { now } from '../clock.js'
import { endOf, stricter, type Limits, type SessionRecord } from '../policy.js'
import { sessionOf } from '../store/host-session.js'
import { freshFor } from './refresh-record.js'
import { isTimeout, type KnownSession } from './known-session.js'
import type { Host, Registration } from './registration.js'
import { RequestStore } from './request-store.js'
import type { RouteRules } from '../settings/route-rules.js'

/** A record and the limits that apply to it: of a session that is timed, and live as far as this process knows. */
export interface Timing {
  readonly visit: Visit
  readonly session: KnownSession
  readonly record: SessionRecord
  readonly limits: Limits
}

/** Where a request keeps its visit. */
export const visitKey = Symbol('fastify-session-timeout.visit')

/** Null until the check has run. */
type WithVisit = FastifyRequest & { [visitKey]: Visit | null | undefined }

/** Undefined before the check, and outside the cookie's path. */
export function visitOf (request: FastifyRequest): Visit | undefined {
  return (request as WithVisit)[visitKey] ?? undefined
}

/** Whether the check of that request is still to come. */
export function isBeforeCheck (request: FastifyRequest): boolean {
  return (request as WithVisit)[visitKey] === null
}

/** The request has no session: there is nothing to visit. */
export function noteNoSession (request: FastifyRequest): void {
  (request as WithVisit)[visitKey] = undefined
}

/**
 * What one request has to do with sessions: the one it came with and the one it has now.
 * A class, since one is made for each request and methods on a prototype are cheap.
 */
export class Visit {
  readonly registration: Registration
  readonly host: Host
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** When the request arrived, epoch ms. */
  readonly at: number
  /** When its session was last seen in the store, epoch ms. */
  seenAt: number
  /** The session cookie that came with the request. */
  readonly cookie: string | undefined
  readonly route: RouteRules | undefined
  /** The stored session that the request came with. */
  initial: KnownSession | null = null
  /** The expiry of its cookie as it was loaded. */
  loadedExpiry: unknown
  /** The stored session that it has now, see {@link current}. */
  #latest: KnownSession | null = null
  /** The id of a session that a valid cookie holds, and the store does not have: it may live on under another id. */
  missingId: string | undefined
  /** Why there is none, where nothing came but a cookie. */
  initialEnd: EndedReason | null = null
  #limits: { readonly general: Limits, readonly own: Limits } | undefined
  /** The same of a stored copy, epoch ms; undefined where it has none. */
  get copyExpiresAt (): number | undefined {
    const expiresAt = Number(this.loadedExpiry ?? NaN)
    return Number.isNaN(expiresAt) ? undefined : expiresAt
  }

  /** What appliesTo said of the session as it was loaded. */
  appliedAtLoad = true
  /** Whether onTimeout has answered the request. */
  replied = false
  /** Whether a touch has extended the session, so that the cookie is to be sent again. */
  renewed = false
  /** The store as the sessions of this request see it. */
  readonly store: RequestStore
  readonly #held: KnownSession[] = []
  #isOver = false

  constructor (
    registration: Registration, host: Host, request: FastifyRequest, reply: FastifyReply,
    at: number, cookie: string | undefined, route: RouteRules | undefined
  ) {
    this.registration = registration
    this.host = host
    this.request = request
    this.reply = reply
    this.at = at
    this.seenAt = at
    this.cookie = cookie
    this.route = route
    this.store = new RequestStore(this)
    ;(request as WithVisit)[visitKey] = this
    reply.raw.on('close', () => this.leave())
    // After an upgrade the response may never be closed: the socket tells.
    if (request.headers.upgrade !== undefined) request.raw.socket.once('close', () => this.leave())
  }

  /** What is known of a session, held until the response is over. */
  hold (id: string): KnownSession {
    const held = this.find(id)
    if (held) return held
    const session = this.host.sessions.use(id)
    if (this.#isOver) this.host.sessions.release(session)
    else this.#held.push(session)
    return session
  }

  /** One that this request holds. */
  find (id: string): KnownSession | undefined {
    return this.#held.find(session => session.id === id)
  }

  /** The request's session is this one, which the store has. */
  setCurrent (session: KnownSession): void {
    session.stored = true
    this.#latest = session
  }

  /** The stored session that `request.session` is now; null for a new one, and for none. */
  get current (): KnownSession | null {
    const latest = this.#latest
    return latest !== null && sessionOf(this.request)?.sessionId === latest.id ? latest : null
  }

  /** The session that the request came with; null if it has another one, or none. */
  get unchangedSession (): KnownSession | null {
    return this.initial !== null && this.current === this.initial ? this.initial : null
  }

  /** Whether the request's session is the one that it came with. */
  get isUnchanged (): boolean {
    return this.unchangedSession !== null
  }

  /** The same as {@link timingOnAnyRoute}, null also for a session that is not checked on this route. */
  timing (): Timing | null {
    return this.route?.checked === false && this.isUnchanged ? null : this.timingOnAnyRoute()
  }

  /** Null for a session that is not timed, or known to have ended. */
  timingOnAnyRoute (): Timing | null {
    const session = this.current
    if (session === null || session.record === null || session.ended !== null) return null
    return { visit: this, session, record: session.record, limits: this.limits() }
  }

  /** The same as {@link timing}, null also when the deadline has passed. */
  liveTiming (at: number): Timing | null {
    const timing = this.timing()
    return timing !== null && endOf(timing.record, timing.limits, at) === null ? timing : null
  }

  /** The limits of this request: a route's can only be stricter. @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
  limits (): Limits {
    return this.#askedLimits.own
  }

  /** The limits that the stored copy lives by, whatever route it was written from. @throws as {@link limits} */
  generalLimits (): Limits {
    return this.#askedLimits.general
  }

  /** Asked once for each session: an option function may fail, or change its mind, at a second call. */
  useLimits (general: Limits): { readonly general: Limits, readonly own: Limits } {
    const idle = this.route?.idle
    const own = idle === undefined ? general : stricter(general, { idle, absolute: false })
    this.#limits = { general, own }
    return this.#limits
  }

  get #askedLimits (): { readonly general: Limits, readonly own: Limits } {
    return this.#limits ?? this.useLimits(this.registration.settings.limits(this.request))
  }

  /**
   * Looks whether another process has ended a session, unless it was seen just now. @throws the store's error
   */
  async isStillThere (session: KnownSession): Promise<boolean> {
    const at = now()
    if (at - this.seenAt <= freshFor) return session.ended === null
    const { sessions } = this.host
    if (await sessions.store.get(session.id) === undefined) sessions.noticeEnd(session)
    this.seenAt = at
    return session.ended === null
  }

  /** Why the session that the request has, or came with, is over. */
  get ended (): EndedReason | null {
    const { current, initial, initialEnd } = this
    if (current === null && initialEnd !== null) return initialEnd
    const ended = (current ?? initial)?.ended ?? null
    return ended === null ? null : publicReason(ended)
  }

  /** The response is over: lets go of every session. */
  leave (): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const session of this.#held) this.host.sessions.release(session)
  }
}

/** The reason that applications get: `missing` for every end except a timeout. */
export function publicReason (reason: EndReason | null): EndedReason {
  return isTimeout(reason) ? reason : 'missing'
}
