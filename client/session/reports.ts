import { instant, since, type Instant } from '../clock.js'

/** Filling in a long form sends no request: these tell the server that somebody is there. */
export interface Reports {
  /** The user has done something. */
  note (): void
  /** Sends at once what was noted. @returns false when nothing was */
  flush (): boolean
  cancel (): void
  /** From the idle limit that an extension has just granted, where the application has not said how often. */
  learn (idleRemaining: number | null): void
}

// Without it, a touchInterval of 0 would send a request for every step of a scroll wheel.
const shortestInterval = 1000
const longestInterval = 60_000

/**
 * @param interval least ms between two reports; undefined: the server's own default
 * @param quietFor ms since the server last heard of an activity, from whatever source
 */
export function createReports (
  interval: number | undefined, quietFor: () => number, send: (idleFor: number) => void
): Reports {
  let active: Instant = instant()
  let reported: Instant | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let derived = longestInterval
  return {
    note () {
      active = instant()
      const least = Math.max(shortestInterval, interval ?? derived)
      timer ??= setTimeout(flush, Math.max(0, least - Math.min(quietFor(), reported ? since(reported) : Infinity)))
    },
    flush,
    cancel,
    learn (idleRemaining) { derived = Math.min(longestInterval, (idleRemaining ?? Infinity) / 30) }
  }

  function flush (): boolean {
    if (!timer) return false
    cancel()
    reported = instant()
    send(Math.round(since(active)))
    return true
  }

  function cancel (): void {
    clearTimeout(timer)
    timer = undefined
  }
}
