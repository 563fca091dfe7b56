/*
 * What the client does, without a browser: arithmetic on what the server last said and on the time since.
 */

/** What the server said at one moment. Ms; null for no limit. */
export interface Known {
  readonly remaining: number | null
  readonly warnBefore: number
  readonly canExtend: boolean
}

/** What to do now, and in how many ms to look again. */
export interface Step {
  readonly ms: number
  /** Ask the server whether a warning is due. */
  readonly ask?: true
  /** The countdown to show. */
  readonly seconds?: number
}

// setTimeout fires at once beyond this.
const longestTimer = 2 ** 31 - 1

// Without it, a touchInterval of 0 would send a request for every step of a scroll wheel.
const shortestInterval = 1000

/** Ms left of what the server said that long ago. */
export function leftOf (remaining: number | null, since: number): number {
  return (remaining ?? Infinity) - since
}

/**
 * @param since ms since the server said it, by whichever clock has gone further: performance.now() may stand
 * still while a computer sleeps, and the wall clock may be set
 * @param warned whether the server has confirmed that the session is within warnBefore, and the user is being warned
 * @returns null at the deadline and past it
 */
export function decide (known: Known, since: number, warned: boolean): Step | null {
  const left = leftOf(known.remaining, since)
  if (left <= 0) return null
  if (left > known.warnBefore) return { ms: Math.min(longestTimer, left - known.warnBefore) }
  // Other tabs, API calls and other devices may have extended the session: ask before warning.
  // The answer may never come: look again at the deadline.
  if (!warned) return { ask: true, ms: left }
  // What is left of a second counts as one; then again at the next full second.
  return { seconds: Math.ceil(left / 1000), ms: left % 1000 || 1000 }
}

/** Whether a screen reader is told: at each full minute, then at 40 and 20 seconds. */
export function isMilestone (seconds: number): boolean {
  return seconds % 60 === 0 || seconds === 40 || seconds === 20
}

/** How long an activity waits until it is reported, so that there is one report per interval; 0 is now. */
export function reportIn (sinceReport: number, interval: number): number {
  return Math.max(0, Math.max(shortestInterval, interval) - sinceReport)
}

/** Without the server's own figure: its default, from the idle limit that an extension just granted. */
export function defaultTouchInterval (idleRemaining: number | null): number {
  return Math.min(60_000, (idleRemaining ?? Infinity) / 30)
}
