import { since, type Instant } from '../clock.js'
import type { ClientEndedReason, SessionTimeoutState } from '../types.js'

/*
 * What a page knows of its session, and what becomes of that when it hears something. No browser, no effects.
 *
 *            recognise        end     silence          doubt     pass                         leave
 * unknown    live or warned   -       -                -         -                            covered
 * live       live or warned   ended   warned, if due   covered   covered, past the deadline   covered
 * warned     live or warned   ended   -                covered   covered, past the deadline   covered
 * covered    live or warned   ended   -                -         -                            -
 * ended      live or warned   -       -                -         -                            -
 *
 * Nothing leads out of stopped; only the user's `stop()` leads there.
 */

/** What was said at one moment about a session. Ms; null for no limit. */
export interface Told {
  readonly at: Instant
  readonly remaining: number | null
}

/** What was said of the session of this page's user. */
export interface Known extends Told {
  readonly warnBefore: number
  readonly canExtend: boolean
}

export interface Session {
  readonly state: SessionTimeoutState
  /** The last word about this very page's user. */
  readonly known: Known | null
  /** What another response has told since then, of whichever user. */
  readonly told: Told | null
  /** The user has been warned and nothing has put that off: also while the page is covered. */
  readonly warned: boolean
  readonly reason: ClientEndedReason | null
}

/** When to look again, and what is due now. */
export interface Due {
  readonly ms: number
  /** Ask the server before anybody is warned. */
  readonly ask?: true
  /** The countdown to show. */
  readonly seconds?: number
}

// setTimeout fires at once beyond this.
const longestTimer = 2 ** 31 - 1

/** A page of which nothing is known. */
export const nothing: Session = { state: 'unknown', known: null, told: null, warned: false, reason: null }

/** The server says that this page's user is signed in. */
export function recognise (known: Known): Session {
  const warned = leftOf(known) <= known.warnBefore
  return { ...nothing, state: warned ? 'warned' : 'live', known, warned }
}

/** The server says that nobody is signed in, or somebody else. */
export function end (session: Session, reason: ClientEndedReason): Session {
  return session.state === 'unknown' || session.state === 'ended' ? session : { ...session, state: 'ended', warned: false, reason }
}

/** The server says nothing that can be used: no reason to end what may be live. The user is warned by what was known. */
export function silence (session: Session): Session {
  return session.state === 'live' && isNear(session) ? { ...session, state: 'warned', warned: true } : session
}

/** The page has been away, or another tab says that it is over: nobody knows what has become of the session. */
export function doubt (session: Session): Session {
  return isShown(session) ? { ...session, state: 'covered' } : session
}

/** The user signs out here. */
export function leave (session: Session): Session {
  return session.state === 'ended' ? session : { ...session, state: 'covered' }
}

/** Time has passed. */
export function pass (session: Session): Session {
  return isShown(session) && timeLeft(session) <= 0 ? doubt(session) : session
}

/** A response of the application carried the time left. */
export function tell (session: Session, told: Told): Session {
  return session.known && since(told.at) < since(session.known.at) ? { ...session, told } : session
}

export function isShown ({ state }: Session): boolean {
  return state === 'live' || state === 'warned'
}

export function isHidden ({ state }: Session): boolean {
  return state === 'covered' || state === 'ended'
}

function leftOf ({ at, remaining }: Told): number {
  return (remaining ?? Infinity) - since(at)
}

/**
 * Ms until the server has to be asked whose session it is. A response that tells of more time may be another
 * user's: it puts nothing off. One that tells of less may be right.
 */
function timeLeft ({ known, told }: Session): number {
  return Math.min(leftOf(known!), told ? leftOf(told) : Infinity)
}

function isNear (session: Session): boolean {
  return timeLeft(session) <= session.known!.warnBefore
}

/** Ms to the deadline as last heard from anybody; null while there is no timed session. */
export function remainingOf ({ state, known, told }: Session): number | null {
  const left = known && state !== 'ended' ? leftOf(told ?? known) : Infinity
  return left === Infinity ? null : Math.max(0, left)
}

/** Null where nothing comes by waiting. */
export function dueOf (session: Session): Due | null {
  if (!isShown(session)) return null
  const left = timeLeft(session)
  // What is left of a second counts as one; then again at the next full second.
  if (session.state === 'warned') return { ms: left % 1000 || 1000, seconds: Math.ceil(left / 1000) }
  // Other tabs, API calls and other devices may have extended the session: it is asked before anybody is warned.
  // The answer may never come, so the clock is looked at again at the deadline.
  if (isNear(session)) return { ms: left, ask: true }
  return { ms: Math.min(longestTimer, left - session.known!.warnBefore) }
}
