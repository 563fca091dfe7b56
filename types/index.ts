import type { FastifyReply, FastifyRequest, Session } from 'fastify'
import type {} from '@fastify/cookie'
import type { SessionStore } from '@fastify/session'
import type { EndedReason, EndReason, TimeoutReason } from './reasons.js'

export type * from './errors.js'
export type { EndedReason, EndReason, TimeoutReason }

/**
 * A length of time: a number of milliseconds, or a string that
 * {@link https://github.com/lukeed/ms | @lukeed/ms} reads, such as `'15m'`.
 * More than 0, at most 400 days (the longest cookie life browsers accept, RFC 6265bis).
 */
export type Duration = number | string

/** A limit that may differ from request to request, for instance by role. `false` means no such limit. */
export type Limit = Duration | false | ((request: FastifyRequest) => Duration | false)

/** What is known of a session that has just been ended. */
export interface SessionTimeout {
  readonly reason: TimeoutReason
  /** When the session began, epoch ms; null when its record was unreadable. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null when the record was unreadable. */
  readonly lastActivity: number | null
  /** Ms between the last activity and the end; null when the record was unreadable. */
  readonly idleFor: number | null
  /** The id of the session, to find it in a list of your own. It opens nothing any more. */
  readonly sessionId: string
  /**
   * The data that the session held: a frozen copy of its own top-level keys, which have the types that your
   * `declare module 'fastify' { interface Session { ... } }` gives them.
   */
  readonly session: { readonly [Key in keyof Session as Key extends 'cookie' ? never : Key]?: Session[Key] }
}

/** What `node:diagnostics_channel` tells of every end of a timed session, on the channel `fastify-session-timeout:end`. */
export interface SessionEnd {
  readonly reason: EndReason
  /** When the session began, epoch ms; null when its record was unreadable. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null when the record was unreadable. */
  readonly lastActivity: number | null
  /** Ms between the last activity and the end; null when the record was unreadable. */
  readonly idleFor: number | null
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

/**
 * How processes tell each other of sessions that ended, for open connections: see `endBus`. Ready-made ones are in
 * `fastify-session-timeout/stores`. A message is a digest of a session's id, or what a process tells itself to find out
 * whether it hears: opaque, short, without spaces, and worth nothing to who reads it. Nothing that is heard is believed; a forged message makes the store be asked, no more.
 */
export interface SessionEndBus {
  /** Tells the other processes. A promise is not waited for; one that rejects, and an exception, are logged. */
  publish (message: string): unknown
  /**
   * Called once for each bus. One that fails is logged and tried again every 30 seconds.
   * @param listener is to get what any process tells; this one's own messages may be among them
   * @param missed is to be called when messages may have been lost, as after a connection that was lost is there again
   * @returns a function that stops it, or a promise for one; called when the application closes
   */
  subscribe (listener: (message: string) => void, missed: () => void): (() => unknown) | Promise<() => unknown>
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
   * Who is signed in, from the session alone: whatever tells users apart. Sessions of nobody (null, undefined) are not
   * timed, and a page in the browser belongs to this user. Must not be async.
   */
  user?: (session: FastifyRequest['session']) => string | number | null | undefined
  /**
   * Which sessions time out, for what `user` cannot say. Sessions it says no to get no clock; one that has a clock is
   * timed until it is stored without. Called while a session is loaded and while it is saved: let it look at
   * `request.session`, not at what a later hook sets (`request.user`, `request.isAuthenticated()`). Must not be async.
   * @default those with a `user`; without that option every session
   */
  appliesTo?: (request: FastifyRequest) => boolean
  /**
   * How long the stored copy of a session outlives its deadline, so that the user of yesterday is told why; 0 for not
   * at all.
   * @default 24 hours
   */
  storeGrace?: Duration
  /**
   * Other origins whose pages may extend and end sessions through the endpoint, and whose scripts' requests count as
   * activities, as browsers write them: `['https://app.example']`. They need @fastify/cors with credentials as well,
   * registered before this plugin.
   * @default none
   */
  trustedOrigins?: readonly string[]
  /**
   * Which requests are a sign of the user. The others are checked, but extend nothing.
   * Prefetches and prerenders never count, nor do requests that another site or a neighbouring subdomain makes (an
   * image, a frame, a script), unless their Origin is in {@link FastifySessionTimeoutOptions.trustedOrigins}.
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
  /**
   * How processes tell each other of ends, so that open connections (see `signal`) of a session that ended in another
   * process close at once, instead of within 30 s. The store is asked for each of them every 30 s all the same: no
   * process can know of another one that tells nothing. Every 10 s a process tells itself something by the bus, and a
   * bus that does not deliver it is logged. A bus that fails never makes a request, or an end, fail.
   * @default none
   */
  endBus?: SessionEndBus
}

/** `config.sessionTimeout` of a route; `false`: its requests are not checked and extend nothing. */
export type RouteSessionTimeout = false | {
  /** Can only be stricter than the general one, and must be above `touchInterval`. */
  idleTimeout?: Duration
  /**
   * Asks for a recent sign-in ("step-up"): a session that began longer ago gets a 401 `FST_SESSION_TIMEOUT_STALE`, or,
   * where afterTimeout redirects, is sent there with `reason=stale`. It is neither ended nor extended by that.
   * `request.sessionTimeout.restart()`, after the user has signed in again, satisfies it.
   */
  signedInWithin?: Duration
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
   * within 30 s for an end in another one (at once with `endBus`). Its reason is the FST_SESSION_TIMEOUT_ENDED error,
   * a {@link SessionEndedError}. When the server is about to close, it aborts too, with the error
   * FST_SESSION_TIMEOUT_CLOSING: the session goes on, and the client may connect again.
   * Without a live, timed session, and when the client is gone already, it is aborted from the start.
   */
  readonly signal: AbortSignal
}

/** `app.sessionTimeout` */
export interface AppSessionTimeout {
  /**
   * Ends any session, as its own sign-out would: for an administrator, a limit of sessions for each user, a back-channel
   * logout. Requests in flight do not bring it back, and its open connections are told.
   * @param sessionId `request.session.sessionId` of the session
   * @returns whether there was one
   * @throws FST_SESSION_TIMEOUT_STORE when the store fails; the session is then still there
   */
  end (sessionId: string): Promise<boolean>
}

/** A store of @fastify/session that can write over a session only if it is still there, in one step. */
export interface SessionStoreWithReplace extends SessionStore {
  /**
   * Writes the session if, and only if, the store has one of that id. With it, no process can bring back a session that
   * another has ended, at no further cost.
   */
  replace (id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void): void
}

declare module 'fastify' {
  interface FastifyInstance {
    sessionTimeout: AppSessionTimeout
  }
  interface FastifyRequest {
    sessionTimeout: RequestSessionTimeout
  }
  interface FastifyContextConfig {
    sessionTimeout?: RouteSessionTimeout
  }
}
