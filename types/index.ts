import type { FastifyReply, FastifyRequest } from 'fastify'
import type {} from '@fastify/cookie'
import type {} from '@fastify/session'

/**
 * A length of time: a number of milliseconds, or a string that
 * {@link https://github.com/lukeed/ms | @lukeed/ms} reads, such as `'15m'`.
 * More than 0, at most 400 days (the longest cookie life browsers accept, RFC 6265bis).
 */
export type Duration = number | string

/** A limit that may differ from request to request, for instance by role. `false` means no such limit. */
export type Limit = Duration | false | ((request: FastifyRequest) => Duration | false)

/** Why a session was ended by this plugin. */
export type TimeoutReason = 'idle' | 'absolute'

/**
 * Why the session that a request came with is not there:
 * a {@link TimeoutReason}, or `'missing'` when the store does not know it and neither does this process.
 */
export type EndedReason = TimeoutReason | 'missing'

/** What is known of a session that has just been ended. */
export interface SessionTimeout {
  readonly reason: TimeoutReason
  /** When the session began, epoch ms; null when its record was unreadable. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null when the record was unreadable. */
  readonly lastActivity: number | null
  /** Ms between the last activity and the end; null when the record was unreadable. */
  readonly idleFor: number | null
  /** The data that the session held: a frozen copy of its own top-level keys. */
  readonly session: Readonly<Record<string, unknown>>
}

/** Sends navigations to a page, usually the sign-in page; see {@link AfterTimeout}. */
export interface RedirectAfterTimeout {
  /** A path of this site (`'/login'`) or an http(s) URL. */
  redirectTo: string
  /** Query parameter with the path and query of the page that was asked for; false leaves it out. @default 'returnTo' */
  returnParam?: string | false
  /** Query parameter with the reason; false leaves it out. @default 'reason' */
  reasonParam?: string | false
}

/**
 * What a request gets whose session has timed out:
 * - `'continue'`: it goes on, as an anonymous one
 * - `'unauthorized'`: a 401 with code `FST_SESSION_TIMEOUT_ENDED`
 * - `{ redirectTo }`: navigations get a 303, htmx an `HX-Redirect`, everything else the 401
 */
export type AfterTimeout = 'continue' | 'unauthorized' | RedirectAfterTimeout

/** How @fastify/flash messages are written. */
export interface FlashOptions {
  /** @default 'warning' */
  type?: string
  /** The text that says why the session ended. */
  ended?: (reason: TimeoutReason, request: FastifyRequest) => string
  /** The text that says that the session is about to reach its absolute limit; `remaining` is in ms. */
  expiring?: (remaining: number, request: FastifyRequest) => string
}

/** Options of the plugin. Anything invalid, or unknown, throws at registration. */
export interface FastifySessionTimeoutOptions {
  /** Longest gap between two activities. @default 30 minutes */
  idleTimeout?: Limit
  /** Longest life of a session, however active. @default 24 hours */
  absoluteTimeout?: Limit
  /** How long before the deadline a warning is due. @default 2 minutes */
  warnBefore?: Duration
  /**
   * Least time between two touches of one session; 0 touches at every activity.
   * A session may end up to this much early, never late.
   * @default 1 minute, or a thirtieth of idleTimeout when that is less
   */
  touchInterval?: Duration
  /** A touch also sends the cookie again. @default true */
  rolling?: boolean
  /** The session cookie carries no Expires and no Max-Age, so that the browser drops it on close. @default true */
  sessionOnly?: boolean
  /** The name of the session cookie; must be that of @fastify/session. @default 'sessionId' */
  cookieName?: string
  /**
   * Who is signed in, from the session alone; nobody is `null` or `undefined`. Sessions of nobody are not timed, and
   * pages belong to this user: another one never gets to see them. Without it, the session takes the user's place.
   */
  user?: (session: FastifyRequest['session']) => string | number | null | undefined
  /**
   * Which sessions time out, for instance only signed-in ones. Sessions it says no to keep no clock.
   * Called synchronously, also while a session is being saved; must not be async.
   * @default those with a `user`; without that option every session
   */
  appliesTo?: (request: FastifyRequest) => boolean
  /**
   * Which requests are a sign of the user. The others are checked, but extend nothing.
   * Prefetches and prerenders never count.
   * @default every request
   */
  countsAsActivity?: (request: FastifyRequest) => boolean
  /** @default 'continue' */
  afterTimeout?: AfterTimeout
  /**
   * Called once for each session that timed out, after it was destroyed and before the response. May reply.
   * A promise is waited for; what comes of it is not used.
   * For a session that ends while a connection is open (see `signal`), the request is that of the
   * connection and the reply has usually been sent.
   */
  onTimeout?: (request: FastifyRequest, reply: FastifyReply, timeout: SessionTimeout) => unknown
  /** Messages through @fastify/flash. @default true when `request.flash` exists */
  flash?: boolean | FlashOptions
  /** Path of the status endpoint and of the browser client, or false for none. @default false */
  endpoint?: string | false
}

/** `config.sessionTimeout` of a route; `false`: its requests are not checked and extend nothing. */
export type RouteSessionTimeout = false | {
  /** Can only be stricter than the general one. */
  idleTimeout?: Duration
  countsAsActivity?: boolean
  afterTimeout?: AfterTimeout
}

/** `request.sessionTimeout` */
export interface RequestSessionTimeout {
  /** Why the session that this request came with is over; null when it is live or there was none. */
  readonly ended: EndedReason | null
  /** When the clocks of this session began, epoch ms; null when the session is not timed. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null when the session is not timed. */
  readonly lastActivity: number | null
  /** The deadline, epoch ms; null when the session is not timed. */
  readonly expiresAt: number | null
  /** Ms to the deadline, never negative; null when the session is not timed. */
  readonly remaining: number | null
  /** Whether `remaining` is at most `warnBefore`. */
  readonly expiring: boolean
  /**
   * Counts as an activity, now: how a WebSocket message extends the session. Throttled by `touchInterval`.
   * Does nothing for a session that is not timed.
   * @throws FST_SESSION_TIMEOUT_ENDED when the session has ended; the store's error when it cannot be written
   */
  touch (): Promise<void>
  /**
   * Starts both clocks anew, after signing in or re-authenticating. Does nothing for a session that is not timed.
   * @throws FST_SESSION_TIMEOUT_ENDED when the session has ended; the store's error when it cannot be written
   */
  restart (): Promise<void>
  /**
   * Aborts when the session ends: at its deadline, at once for an end in this process,
   * within 30 s for an end in another one. Its reason is the FST_SESSION_TIMEOUT_ENDED error.
   * Without a live, timed session it is aborted already.
   */
  readonly signal: AbortSignal
}

declare module 'fastify' {
  interface FastifyRequest {
    sessionTimeout: RequestSessionTimeout
  }
  interface FastifyContextConfig {
    sessionTimeout?: RouteSessionTimeout
  }
}
