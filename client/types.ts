/** Why the session ended: a reason of the server, or the user signed out. */
export type ClientEndedReason = 'idle' | 'absolute' | 'missing' | 'signed-out'

/**
 * - `unknown`: no session of this page is known; a visitor's page, or the server has not answered yet
 * - `live`: signed in
 * - `warned`: signed in, and the end is near
 * - `covered`: the page is hidden until the server has said whose session it is
 * - `ended`: the page is hidden; only its own user gets it back
 * - `stopped`: by `stop()`, or the browser lacks what the client needs
 */
export type SessionTimeoutState = 'unknown' | 'live' | 'warned' | 'covered' | 'ended' | 'stopped'

export interface SessionTimeoutClientOptions {
  /** The plugin's `endpoint`, with its prefix: a path that begins with a slash, or a whole URL. */
  endpoint: string
  /** Whether what the user does in the page keeps the session. @default true */
  activity?: boolean
  /** Whether the warning is shown; without it, listen to `sessionwarning`. An ended session is covered all the same. @default true */
  dialog?: boolean
  /**
   * Whether something on the page is not saved. Such a page is not left at the end: it stays, covered, until the same
   * user is signed in again. @default whether anything was entered where `data-session-timeout-keep` is set
   */
  keep?: () => boolean
  /** Texts instead of the built-in ones. */
  messages?: Partial<Messages>
  /** A language tag. @default the page's `<html lang>`, then English: the browser's need not be the page's */
  locale?: string
  /** Where to go at the end. @default an "ended" notice with a button that loads the page again */
  redirectTo?: string
  /** Query parameter of redirectTo for the path of this page. @default none */
  returnParam?: string | false
  /** Query parameter of redirectTo for the reason. @default none */
  reasonParam?: string | false
  /** Least ms between two reports of activity, and not under a second. @default as the server's default */
  touchInterval?: number
}

/** What a client is told besides its endpoint. */
export type ClientSettings = Omit<SessionTimeoutClientOptions, 'endpoint'>

/** The texts of the dialog. `{time}` is replaced by what is left, such as "2 minutes" or "45 seconds". */
export interface Messages {
  /** The title of the warning. */
  title: string
  /** While the user can stay. */
  warning: string
  /** Near the absolute limit, when nothing extends the session. */
  limit: string
  stay: string
  signOut: string
  signIn: string
  /** Near the absolute limit: signs out, to start anew. */
  renew: string
  /** Closes the warning of the absolute limit. */
  dismiss: string
  /** The title over a page that is covered until the server has answered. */
  checking: string
  /** The server has not answered. */
  silent: string
  /** Asks the server again. */
  retry: string
  /** The title over the page of a session that has ended. */
  ended: string
  /** Why it ended. */
  idle: string
  absolute: string
  missing: string
  signedOut: string
  /** Why the page is covered. */
  endedText: string
  /** Instead, where something is not saved, and the page keeps it. */
  kept: string
  /** Instead, where something was entered that nothing keeps. */
  lost: string
}

export interface WarningDetail {
  /** Ms to the deadline. */
  remaining: number
  /** Whether an activity would put the deadline off. */
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
  /** Ms to the deadline as last heard; null while there is no timed session. */
  readonly remaining: number | null
  readonly state: SessionTimeoutState
  /** Whether an activity would put the deadline off, as last heard. */
  readonly canExtend: boolean
  /** Extends the session. Never rejects; false when the server did not do it. */
  extend (): Promise<boolean>
  /** Covers the page and signs out. Never rejects; false when the server did not do it: the page stays covered. */
  end (): Promise<boolean>
  /** Takes every timer, listener and element away. A page that is covered stays covered. */
  stop (): void
}

declare global {
  interface DocumentEventMap {
    sessionwarning: CustomEvent<WarningDetail>
    /** The user was being warned, and now stays. */
    sessionextended: CustomEvent<RemainingDetail>
    sessionended: CustomEvent<EndedDetail>
    /** The page had ended, and its user is signed in again: a new CSRF token is due, and calls that failed may be tried again. */
    sessionresumed: CustomEvent<RemainingDetail>
  }
}
