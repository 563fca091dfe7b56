import type { FastifyReply, FastifyRequest, Session } from 'fastify'
import type {} from '@fastify/cookie'
import type { SessionStore } from '@fastify/session'
import type { EndedReason, EndReason, TimeoutReason } from './reasons.js'

export type * from './errors.js'
export type { EndedReason, EndReason, TimeoutReason }

/**
 * A length of time: a number of milliseconds, or a string that
 * {@link https://github.com/lukeed/ms | @lukeed/ms} reads, such as `'15m'`.
 * More than 0 and at most 400 days, the longest cookie lifetime that browsers accept (RFC 6265bis).
 */
export type Duration = number | string

/**
 * A limit, or a synchronous function that returns one for each request, for instance by role. `false` means no limit of
 * this kind.
 */
export type Limit = Duration | false | ((request: FastifyRequest) => Duration | false)

/** What `onTimeout` receives: the session that has just timed out. */
export interface SessionTimeout {
  readonly reason: TimeoutReason
  /** When the session began, epoch ms; null if its record was unreadable. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null if the record was unreadable. */
  readonly lastActivity: number | null
  /** Ms between the last activity and the end; null if the record was unreadable. */
  readonly idleFor: number | null
  /** The id of the session, to find it in a list that you keep. It no longer gives access to anything. */
  readonly sessionId: string
  /**
   * The data that the session held: a frozen copy of its top-level keys. Their types are those of your
   * `declare module 'fastify' { interface Session { ... } }`.
   */
  readonly session: { readonly [Key in keyof Session as Key extends 'cookie' ? never : Key]?: Session[Key] }
}

/** The message on the channel `fastify-session-timeout:end` of `node:diagnostics_channel`, for each end of a timed session. */
export interface SessionEnd {
  readonly reason: EndReason
  /** When the session began, epoch ms; null if its record was unreadable. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null if the record was unreadable. */
  readonly lastActivity: number | null
  /** Ms between the last activity and the end; null if the record was unreadable. */
  readonly idleFor: number | null
}

/**
 * Redirects page navigations, usually to the sign-in page: see {@link AfterTimeout}. docs/options.md lists all values of
 * the reason, with a text for each.
 */
export interface RedirectAfterTimeout {
  /** A path of this site (`'/login'`) or an http(s) URL. */
  redirectTo: string
  /** Query parameter for the path and query of the requested page; `false` omits it. @default 'returnTo' */
  returnParam?: string | false
  /** Query parameter for the reason: `idle`, `absolute` or `stale`; `false` omits it. @default 'reason' */
  reasonParam?: string | false
}

/**
 * The answer to a request whose session has timed out:
 * - `'continue'`: it goes on without a user, with a fresh, empty session
 * - `'unauthorized'`: a 401 with code `FST_SESSION_TIMEOUT_ENDED`
 * - `{ redirectTo }`: a 303 for page navigations, a 401 with `HX-Redirect` for htmx, the 401 for all others
 */
export type AfterTimeout = 'continue' | 'unauthorized' | RedirectAfterTimeout

/** The type and the texts of the messages for @fastify/flash. */
export interface FlashOptions {
  /** @default 'warning' */
  type?: string
  /** Returns the text that says why the session ended. */
  ended?: (reason: TimeoutReason, request: FastifyRequest) => string
  /** Returns the text that says that the session is about to reach its absolute limit. `remaining` is in ms. */
  expiring?: (remaining: number, request: FastifyRequest) => string
}

/**
 * How processes tell each other that a session has ended: see {@link FastifySessionTimeoutOptions.endBus}.
 * `fastify-session-timeout/stores` has ready-made ones.
 *
 * A message is a digest of a session id or of a user. It may also be a probe, with which a process checks that it receives
 * its own messages. It is short, opaque and without spaces. The receiver treats it as a hint and checks the store, so a forged message costs one
 * lookup and has no other effect.
 */
export interface SessionEndBus {
  /** Sends a message to the other processes. A promise is not awaited. A rejection or an exception is logged. */
  publish (message: string): unknown
  /**
   * Called once for each bus. If it fails, that is logged, and it is called again every 30 seconds.
   * @param listener call it with every message of any process; messages of this process may be included
   * @param missed call it when messages may have been lost, for instance after a reconnect
   * @returns a function that ends the subscription, or a promise of one; called when the application closes
   */
  subscribe (listener: (message: string) => void, missed: () => void): (() => unknown) | Promise<() => unknown>
}

/**
 * Options of the plugin. An invalid or unknown option throws FST_SESSION_TIMEOUT_INVALID_OPTION, a `TypeError`, at
 * registration. If a function throws or returns something invalid, the request fails with the same code and a 500. The
 * session never goes without a limit. All functions but `onTimeout` and those of `endBus` must be synchronous.
 */
export interface FastifySessionTimeoutOptions {
  /**
   * Maximum time between two activities. Milliseconds, or a string with a unit.
   * @default 30 minutes
   * @throws if it is not a {@link Limit}, or if it and `absoluteTimeout` are both `false`
   * @example
   * ```ts
   * app.register(sessionTimeout, { idleTimeout: request => request.session.role === 'admin' ? '5m' : '30m' })
   * ```
   */
  idleTimeout?: Limit
  /**
   * Maximum lifetime of a session, regardless of activity. Milliseconds, or a string with a unit.
   * @default 24 hours
   * @throws if it is not a {@link Limit}, or if it and `idleTimeout` are both `false`
   * @example
   * ```ts
   * app.register(sessionTimeout, { absoluteTimeout: '8h' })
   * ```
   */
  absoluteTimeout?: Limit
  /**
   * How long before the deadline the user is warned. Milliseconds, or a string with a unit. Under 20 seconds, a warning
   * is logged at startup (WCAG 2.2.1).
   * @default 2 minutes
   * @throws if it is not a {@link Duration}
   * @example
   * ```ts
   * app.register(sessionTimeout, { idleTimeout: '15m', warnBefore: '1m' })
   * ```
   */
  warnBefore?: Duration
  /**
   * Minimum time between two writes of the last activity of one session. Milliseconds, or a string with a unit; 0 writes
   * every activity. A session may end up to this much early, never late.
   * @default 1 minute, or a thirtieth of idleTimeout if that is less
   * @throws if it is neither a {@link Duration} nor 0, or if it is not less than a fixed `idleTimeout`
   * @example
   * ```ts
   * app.register(sessionTimeout, { idleTimeout: '30m', touchInterval: '5m' })
   * ```
   */
  touchInterval?: Duration
  /**
   * Sends the cookie again whenever the last activity is written.
   * @default true
   * @throws if it is not a boolean
   * @example
   * ```ts
   * app.register(sessionTimeout, { rolling: false })
   * ```
   */
  rolling?: boolean
  /**
   * Sends the session cookie without Expires and Max-Age, so that the browser deletes it when it closes.
   * @default true
   * @throws if it is not a boolean
   * @example
   * ```ts
   * app.register(sessionTimeout, { sessionOnly: false })
   * ```
   */
  sessionOnly?: boolean
  /**
   * The name of the session cookie, as given to @fastify/session.
   * @default 'sessionId'
   * @throws if it is empty or not a string; at startup, if @fastify/session uses another name
   * @example
   * ```ts
   * app.register(session, { secret, cookieName: 'sid' })
   * app.register(sessionTimeout, { cookieName: 'sid' })
   * ```
   */
  cookieName?: string
  /**
   * Who is signed in, read from the session alone: a value that tells users apart. Sessions without a user (null or
   * undefined) are not timed. The browser client uses it to tell whose page it is on.
   * @default none: every session is timed, see {@link FastifySessionTimeoutOptions.appliesTo}
   * @throws if it is not a function; per request, if it throws, is async or returns another type
   * @example
   * ```ts
   * app.register(sessionTimeout, { user: session => session.user })
   * ```
   */
  user?: (session: FastifyRequest['session']) => string | number | null | undefined
  /**
   * Which sessions are timed, for conditions that `user` cannot express. Once a session is timed, it stays timed until it
   * is saved while this returns false. It is called when a session is loaded and when it is saved. Look at
   * `request.session`, not at what a later hook sets (`request.user`, `request.isAuthenticated()`).
   * @default sessions with a `user`; without that option, every session
   * @throws if it is not a function; per request, if it throws or is async
   * @example
   * ```ts
   * app.register(sessionTimeout, { appliesTo: request => request.session.role !== 'kiosk' })
   * ```
   */
  appliesTo?: (request: FastifyRequest) => boolean
  /**
   * How long an expired session stays in the store, so that a user who returns the next day is told why it ended.
   * Milliseconds, or a string with a unit; 0 keeps nothing.
   * @default 24 hours
   * @throws if it is neither a {@link Duration} nor 0
   * @example
   * ```ts
   * app.register(sessionTimeout, { storeGrace: '3 days' })
   * ```
   */
  storeGrace?: Duration
  /**
   * Other origins whose pages may extend and end sessions through the endpoint. Requests of their scripts count as
   * activity. These origins also need @fastify/cors with credentials, registered before this plugin.
   * @default none
   * @throws if it is not a list of http(s) origins without a path or a final slash
   * @example
   * ```ts
   * app.register(sessionTimeout, { endpoint: '/session-timeout', trustedOrigins: ['https://app.example'] })
   * ```
   */
  trustedOrigins?: readonly string[]
  /**
   * Which requests show that the user is active. The others are checked, but extend nothing.
   * Prefetches and prerenders never count. Neither do requests that another site or a neighbouring subdomain makes (an
   * image, a frame, a script), unless their Origin is in {@link FastifySessionTimeoutOptions.trustedOrigins}.
   * @default every request
   * @throws if it is not a function; per request, if it throws or is async
   * @example
   * ```ts
   * app.register(sessionTimeout, { countsAsActivity: request => request.headers['x-poll'] === undefined })
   * ```
   */
  countsAsActivity?: (request: FastifyRequest) => boolean
  /**
   * The answer to a request whose session has timed out.
   * @default 'continue'
   * @throws if it is not an {@link AfterTimeout}
   * @example
   * ```ts
   * app.register(sessionTimeout, { afterTimeout: { redirectTo: '/login' } })
   * ```
   */
  afterTimeout?: AfterTimeout
  /**
   * Called once for each session that this process ends by timeout, after the session is destroyed and before the
   * response. It may reply. A promise is awaited, its value is not used. If it throws or rejects, the request fails with
   * that error, and the session stays ended.
   *
   * A session may end while a connection is open (see {@link RequestSessionTimeout.signal}). The request is then that of
   * the connection, and the reply has usually been sent. An error is logged.
   * @default none
   * @throws if it is not a function
   * @example
   * ```ts
   * app.register(sessionTimeout, {
   *   onTimeout (request, reply, { reason, idleFor, session }) {
   *     request.log.info({ audit: 'signed out', user: session.user, reason, idleFor })
   *   }
   * })
   * ```
   */
  onTimeout?: (request: FastifyRequest, reply: FastifyReply, timeout: SessionTimeout) => unknown
  /**
   * Messages through @fastify/flash: why a session ended, and that it is about to reach its absolute limit.
   * @default true if @fastify/flash is registered before this plugin
   * @throws if it is not a boolean or {@link FlashOptions}, or is set without @fastify/flash; per request, if a text is
   * not a string
   * @example
   * ```ts
   * app.register(sessionTimeout, { flash: { ended: reason => reason === 'idle' ? 'No activity.' : 'Time limit.' } })
   * ```
   */
  flash?: boolean | FlashOptions
  /**
   * Path of the browser client (`<endpoint>/client.js`) and of the routes that it calls, or false for none.
   * @default false
   * @throws if it is not a path, or has a query, parameters or a final slash
   * @example
   * ```ts
   * app.register(sessionTimeout, { endpoint: '/session-timeout' })
   * ```
   */
  endpoint?: string | false
  /**
   * How processes tell each other that a session has ended. Its open connections (see
   * {@link RequestSessionTimeout.signal}) then close at once in every process, instead of within 30 s. What
   * {@link AppSessionTimeout.endAll} has ended is over at once in every process that receives the message.
   *
   * With a bus, the store is still asked every 30 s, because a process cannot know of another one that sends no messages.
   * Every 10 s a process sends itself a message, and logs a warning if the bus does not deliver it. A failing bus never
   * makes a request, or an end, fail.
   * @default none
   * @throws if it is not an object with the functions publish and subscribe
   * @example
   * ```ts
   * import { redisEndBus } from 'fastify-session-timeout/stores'
   *
   * app.register(sessionTimeout, { endBus: redisEndBus(client) })
   * ```
   */
  endBus?: SessionEndBus
}

/**
 * `config.sessionTimeout` of a route. With `false`, its requests are not checked and extend nothing.
 * An invalid or unknown option throws FST_SESSION_TIMEOUT_INVALID_OPTION when the route is added.
 * @example
 * ```ts
 * app.get('/admin', { config: { sessionTimeout: { idleTimeout: '5m', afterTimeout: 'unauthorized' } } }, async () => 'admin')
 * ```
 */
export type RouteSessionTimeout = false | {
  /**
   * Maximum time between two activities, for requests of this route. Milliseconds, or a string with a unit.
   * @default the general one
   * @throws if it is laxer than a fixed general `idleTimeout`, or not above `touchInterval`
   */
  idleTimeout?: Duration
  /**
   * Requires a recent sign-in ("step-up"). Milliseconds, or a string with a unit. If the session began longer ago, the
   * answer is a 401 FST_SESSION_TIMEOUT_STALE. Where afterTimeout redirects, page navigations are redirected with
   * `reason=stale`. The session is neither ended nor extended. After the user has signed in again, call
   * `request.sessionTimeout.restart()`.
   * @default no such requirement
   */
  signedInWithin?: Duration
  /** Whether requests of this route show that the user is active. @default as the option of the plugin says */
  countsAsActivity?: boolean
  /** The answer to a request whose session has timed out. @default as the option of the plugin says */
  afterTimeout?: AfterTimeout
}

/** `request.sessionTimeout` */
export interface RequestSessionTimeout {
  /** Why the session of this request has ended; null if it is live, or if there was none. */
  readonly ended: EndedReason | null
  /** When both limits of this session began, epoch ms; null if the session is not timed. */
  readonly startedAt: number | null
  /** The last activity, epoch ms; null if the session is not timed. */
  readonly lastActivity: number | null
  /** The deadline, epoch ms; null if the session is not timed. */
  readonly expiresAt: number | null
  /** Ms to the deadline, never negative; null if the session is not timed. */
  readonly remaining: number | null
  /** Whether `remaining` is at most `warnBefore`. */
  readonly expiring: boolean
  /**
   * Counts as an activity now, for instance for a WebSocket message. Writes at most once per `touchInterval`.
   * Does nothing for a session that is not timed.
   * @throws FST_SESSION_TIMEOUT_ENDED if the session has ended; the store's error if the activity cannot be written
   */
  touch (): Promise<void>
  /**
   * Starts both limits from now, after signing in or re-authenticating. Keeps the session id. Does nothing for a session
   * that is not timed.
   * @throws FST_SESSION_TIMEOUT_ENDED if the session has ended; the store's error if it cannot be written
   */
  restart (): Promise<void>
  /**
   * Aborts when the session ends. That is at its deadline, and at once if it is ended in this process. If it is ended in
   * another process, that is within 30 s, or at once with `endBus`. It also aborts when the server is about to close. The
   * session then goes on, and the client may reconnect.
   *
   * `signal.reason` is an error:
   * - a {@link SessionEndedError} with code FST_SESSION_TIMEOUT_ENDED when the session has ended. Its `reason` is `'idle'`
   *   or `'absolute'` after a timeout, `'signed-out'` after a sign-out in this process, and `'revoked'` after
   *   `app.sessionTimeout.end()` in this process or `endAll()`. If another process has ended the session, it is `'missing'`.
   * - an error with code FST_SESSION_TIMEOUT_CLOSING, without a `reason`, when the server is about to close.
   *
   * Without a live, timed session, and if the client has already disconnected, it is aborted from the start.
   * @example
   * ```ts
   * import { createReadStream } from 'node:fs'
   *
   * app.get('/export', async (request, reply) => {
   *   const { signal } = request.sessionTimeout
   *   signal.throwIfAborted()
   *   return reply.send(createReadStream('export.csv', { signal }))
   * })
   * ```
   */
  readonly signal: AbortSignal
}

/** What `app.sessionTimeout.endAll()` leaves out. */
export interface EndAllOptions {
  /** `request.session.sessionId` of a session that stays, usually that of the current request. @default none */
  except?: string | undefined
}

/** How long `app.sessionTimeout.watch()` watches. */
export interface WatchOptions {
  /** Aborts when the socket has closed. */
  until: AbortSignal
}

/** `app.sessionTimeout` */
export interface AppSessionTimeout {
  /**
   * Ends any session, as a sign-out would: for an administrator, a limit on the sessions of each user, or a back-channel
   * logout. Requests in flight do not bring it back, and its open connections are closed.
   * @param sessionId `request.session.sessionId` of the session
   * @returns whether there was such a session
   * @throws FST_SESSION_TIMEOUT_STORE if the store fails; the session then still exists
   */
  end (sessionId: string): Promise<boolean>
  /**
   * Signs a user out everywhere: ends every session of that user that began before now, without a list of sessions. For
   * a change of password, a lost phone, an administrator, an identity provider's back-channel logout. Needs the option
   * {@link FastifySessionTimeoutOptions.user}.
   *
   * It leaves one small entry in the store, which lives as long as a session can. In this process it holds at once, in
   * the others at the latest `touchInterval` later, and at once in all of them with `endBus`. No request in flight
   * carries such a session on, neither by a save nor by `restart()` or `regenerate(keys)`. Each session ends as with
   * {@link AppSessionTimeout.end}, when it is next used.
   * @param user what the option `user` returns for those sessions; the number 1 and the text '1' are one user here
   * @param options.except `request.session.sessionId` of a session that stays, usually that of the current request;
   * both its limits start from now
   * @throws FST_SESSION_TIMEOUT_INVALID_OPTION without the option `user`, and for an invalid user or session id
   * @throws FST_SESSION_TIMEOUT_STORE when the store fails: some of the sessions, or all, may still be open; call it again
   */
  endAll (user: string | number, options?: EndAllOptions): Promise<void>
  /**
   * Watches a session for a socket that is no request of Fastify, as those of socket.io: sessions of such sockets are
   * loaded with `app.decryptSession()`, and have no {@link RequestSessionTimeout.signal}.
   *
   * The signal aborts as that one does, with the same reasons. What happens on the socket does not extend the session.
   * At the deadline the signal aborts, and the next request with the cookie ends the session and calls `onTimeout`. Where
   * a limit is a function, it receives an object with nothing but the `session`, as it is stored, since there is no request.
   * @param sessionId `request.session.sessionId` of the session
   * @param options.until aborts when the socket has closed: from then on the session is not watched for it
   * @returns a signal that is aborted from the start if there is no live, timed session, or if `until` has aborted
   * @throws FST_SESSION_TIMEOUT_INVALID_OPTION for an invalid session id, or without `until`; also if a limit is a function that throws
   * @throws FST_SESSION_TIMEOUT_STORE when the store fails: close the socket
   * @example
   * ```ts
   * io.on('connection', async socket => {
   *   const closed = new AbortController()
   *   socket.on('disconnect', () => closed.abort())
   *   const signal = await app.sessionTimeout.watch(socket.data.sessionId, { until: closed.signal })
   *   if (signal.aborted) return socket.disconnect(true)
   *   signal.addEventListener('abort', () => socket.disconnect(true))
   * })
   * ```
   */
  watch (sessionId: string, options: WatchOptions): Promise<AbortSignal>
}

/** A store of @fastify/session that can overwrite a session only if it still exists, in one atomic step. */
export interface SessionStoreWithReplace extends SessionStore {
  /**
   * Writes the session only if the store has one with that id. No process can then bring back a session that another
   * process has ended, and no marks are needed.
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
