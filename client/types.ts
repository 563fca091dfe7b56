import type { Messages } from './messages.js'

/** Why the session ended: a reason of the server, or the user signed out here. */
export type ClientEndedReason = 'idle' | 'absolute' | 'missing' | 'signed-out'

export interface SessionTimeoutClientOptions {
  /** The plugin's `endpoint`, with its prefix. */
  endpoint: string
  /** Whether what the user does in the page keeps the session. @default true */
  activity?: boolean
  /** Whether the warning is shown; without it, listen to `sessionwarning`. An ended session is covered all the same. @default true */
  dialog?: boolean
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
  /** Ms before the deadline at which to warn; spares the first question to the server. @default asked from the server */
  warnBefore?: number
  onWarning?: (detail: { remaining: number, canExtend: boolean }) => void
  /** The user was being warned, and now stays. */
  onExtended?: (detail: { remaining: number | null }) => void
  onEnded?: (detail: { reason: ClientEndedReason }) => void
}

export interface SessionTimeoutClient {
  /** Ms to the deadline as last heard; null while there is no timed session. */
  readonly remaining: number | null
  /** Extends the session. Never rejects; false when the server did not do it. */
  extend (): Promise<boolean>
  /** Covers the page and signs out. Never rejects; false when the server did not do it: the page stays covered. */
  end (): Promise<boolean>
  /** Takes every timer, listener and element away. */
  stop (): void
}
