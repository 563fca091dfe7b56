/** Why the session ended: a reason that the server gives, or the user signed out. */
export type ClientEndedReason = 'idle' | 'absolute' | 'missing' | 'signed-out'

/**
 * - `unknown`: no session is known: nobody is signed in, or the server has not answered yet
 * - `live`: signed in
 * - `warned`: signed in, and the deadline is near
 * - `covered`: the page is hidden until the server has said who is signed in
 * - `ended`: the page is hidden, and shown again only to its own user
 * - `stopped`: by `stop()`, or because the browser lacks something that the client needs
 */
export type SessionTimeoutState = 'unknown' | 'live' | 'warned' | 'covered' | 'ended' | 'stopped'

export interface SessionTimeoutClientOptions {
  /** The plugin's `endpoint` with its prefix: a path that begins with a slash, or a URL. */
  endpoint: string
  /** Whether the user's activity in the page extends the session. @default true */
  activity?: boolean
  /** `false` shows no warning: listen to `sessionwarning`. An ended session is covered anyway. @default true */
  dialog?: boolean
  /**
   * Whether the page has unsaved work. Such a page is not left at the end: it stays, covered, until the same user has
   * signed in again. @default whether something was entered in an element with `data-session-timeout-keep`
   */
  keep?: () => boolean
  /** Texts that replace the built-in ones. */
  messages?: Partial<Messages>
  /** A language tag. @default the page's `<html lang>`, then English. The browser's language is not used: the page may be in another one */
  locale?: string
  /** Where to go at the end. @default a notice that the session has ended, with a button that loads the page again */
  redirectTo?: string
  /** Query parameter of `redirectTo` for the path of this page. @default none */
  returnParam?: string | false
  /** Query parameter of `redirectTo` for the reason. @default none */
  reasonParam?: string | false
  /** Minimum time between two reports of activity in ms, at least 1000. @default as on the server, from the idle limit */
  touchInterval?: number
}

/** The options without the endpoint. */
export type ClientSettings = Omit<SessionTimeoutClientOptions, 'endpoint'>

/** The texts of the dialog. `{time}` is replaced by the time left, such as "2 minutes" or "45 seconds". */
export interface Messages {
  /** The title of the warning. */
  title: string
  /** The warning while the session can be extended. */
  warning: string
  /** The warning near the absolute limit, when nothing extends the session. */
  limit: string
  stay: string
  signOut: string
  signIn: string
  /** Near the absolute limit: signs out, so that the user can sign in again. */
  renew: string
  /** Closes the warning of the absolute limit. */
  dismiss: string
  /** The title while the page is covered until the server has answered. */
  checking: string
  /** The server has not answered. */
  silent: string
  /** The button that asks the server again. */
  retry: string
  /** The title when the session has ended. */
  ended: string
  /** Why it ended. */
  idle: string
  absolute: string
  missing: string
  signedOut: string
  /** Why the page is covered. */
  endedText: string
  /** Instead, if the page keeps unsaved work. */
  kept: string
  /** Instead, if something was entered that nothing keeps. */
  lost: string
}

export interface WarningDetail {
  /** Ms to the deadline. */
  remaining: number
  /** Whether an activity would extend the session. */
  canExtend: boolean
}

export interface RemainingDetail {
  /** Ms to the deadline; null for no limit. */
  remaining: number | null
}

export interface EndedDetail {
  reason: ClientEndedReason
}

export interface SessionTimeoutClient {
  /** Ms to the deadline, as far as the client knows; null without a timed session. */
  readonly remaining: number | null
  readonly state: SessionTimeoutState
  /** Whether an activity would extend the session, as far as the client knows. */
  readonly canExtend: boolean
  /** Extends the session. Never rejects; resolves to whether the server did it. */
  extend (): Promise<boolean>
  /** Covers the page and signs out. Never rejects; resolves to whether the server did it. If not, the page stays covered. */
  end (): Promise<boolean>
  /** Removes all timers, listeners and elements. A covered page stays covered. */
  stop (): void
}

declare global {
  interface DocumentEventMap {
    sessionwarning: CustomEvent<WarningDetail>
    /** The user was warned, and stays. */
    sessionextended: CustomEvent<RemainingDetail>
    sessionended: CustomEvent<EndedDetail>
    /** The page had ended, and its user has signed in again: get a new CSRF token, and repeat calls that failed. */
    sessionresumed: CustomEvent<RemainingDetail>
  }
}
