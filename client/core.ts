/*
 * What the client does, without a browser: arithmetic on what the server last said and on the time since.
 */

/** What the server said at one moment. Ms; null for no limit. */
export interface Known {
  readonly remaining: number | null
  readonly warnBefore: number
  readonly canExtend: boolean
}

/** `asked`: within warnBefore, and the server has confirmed it; the user is being warned. */
export type Phase = 'live' | 'asked'

/** What to do now, and when to look again. */
export type Step =
  | { readonly act: 'wait', readonly ms: number }
  | { readonly act: 'ask' }
  | { readonly act: 'count', readonly left: number, readonly ms: number }
  | { readonly act: 'end' }

// setTimeout fires at once beyond this.
const longestTimer = 2 ** 31 - 1

/**
 * @param since ms since the server said it, by whichever clock has gone further: performance.now() may stand
 * still while a computer sleeps, and the wall clock may be set
 */
export function decide (known: Known, since: number, phase: Phase): Step {
  if (known.remaining === null) return { act: 'wait', ms: longestTimer }
  const left = known.remaining - since
  if (left <= 0) return { act: 'end' }
  if (left > known.warnBefore) return { act: 'wait', ms: Math.min(longestTimer, left - known.warnBefore) }
  // Other tabs, API calls and other devices may have extended the session: ask before warning.
  if (phase === 'live') return { act: 'ask' }
  // The next full second of the countdown.
  return { act: 'count', left, ms: left % 1000 || 1000 }
}

/** The countdown in whole seconds: what is left of a second counts as one. */
export function secondsLeft (left: number): number {
  return Math.ceil(left / 1000)
}

/** Whether a screen reader is told: at each full minute, then at 40 and 20 seconds. */
export function isMilestone (seconds: number): boolean {
  return seconds > 0 && (seconds % 60 === 0 || seconds === 40 || seconds === 20)
}

/** How long an activity waits until it is reported, so that there is one report per interval; 0 is now. */
export function reportIn (sinceReport: number, interval: number): number {
  return Math.max(0, interval - sinceReport)
}

/** Without the server's own figure: its default, from the idle limit that an extension just granted. */
export function defaultTouchInterval (idleRemaining: number | null): number {
  return Math.min(60_000, (idleRemaining ?? Infinity) / 30)
}
