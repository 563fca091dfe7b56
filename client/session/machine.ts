import { drift, since, type Instant } from '../clock.js'
import type { ClientEndedReason, SessionTimeoutState } from '../types.js'

/*
 * What a page knows of its session, and what becomes of that when it hears something. No browser, no effects.
 *
 *             recognise        end       silence       doubt     pass      fail     leave
 * unknown     live or warned   -         -             -         -         -        leaving or renewing
 * unclaimed   live or warned   unknown   unknown       -         -         -        leaving or renewing
 * copied      live or warned   reloads   -             -         -         -        leaving or renewing
 * live        live or warned   ended     warned, due   covered   covered   -        leaving or renewing
 * warned      live or warned   ended     -             covered   covered   failed   leaving or renewing
 * failed      live or warned   ended     -             covered   covered   -        leaving or renewing
 * covered     live or warned   ended     -             -         -         -        leaving or renewing
 * leaving     -                left      -             -         -         -        -
 * renewing    -                ended     -             -         -         -        leaving
 * ended       live or warned   -         -             -         -         -        -
 * left        live or warned   -         -             -         -         -        -
 *
 * `pass` covers past the deadline, or where the clocks say that the page has slept. Nothing leads out of stopped;
 * only the user's `stop()` leads there.
 */

/**
 * Where a page stands. An application sees less of it: {@link stateOf}.
 * - `unclaimed`: from a service worker, and without a word of a session; hidden until it is known whether it has a user
 * - `copied`: out of the HTTP cache; hidden, and loaded again when its user is not signed in
 * - `failed`: warned, and staying has failed
 * - `leaving`, `renewing`: the user signs out on this page, to leave it or to sign in again
 * - `left`: the user has signed out on this page, and nothing holds it
 */
export type Stage = SessionTimeoutState | 'unclaimed' | 'copied' | 'failed' | 'leaving' | 'renewing' | 'left'

/** The time that a session had left at one moment. Ms; null for no limit. */
export interface TimeLeft {
  readonly at: Instant
  readonly remaining: number | null
}

/** What was said of the session of this page's user. */
export interface Known extends TimeLeft {
  readonly warnBefore: number
  readonly canExtend: boolean
  /** The limit that comes first: why the session will end, if nothing extends it. Null when nobody has said. */
  readonly limit: 'idle' | 'absolute' | null
  /** By a status, which only the right endpoint gives; otherwise by the response that the page came with. */
  readonly proven: boolean
}

interface AnySession {
  /** Whose page it is; null when nobody has said yet. Never exchanged for another one. */
  readonly tag: string | null
  /** The last word about this very page's user. */
  readonly known: Known | null
  /** The time left by the header of a later response, which may be about another user. */
  readonly headerTimeLeft: TimeLeft | null
  /** The user has been warned and nothing has put that off: also while the page is covered. */
  readonly warned: boolean
  /** Why it is over, or would be, as far as anybody has said. */
  readonly reason: ClientEndedReason | null
}

/** Shown to its user. */
export interface LiveSession extends AnySession {
  readonly stage: 'live'
  readonly known: Known
}

/** Shown to its user, with a warning. */
export interface WarningSession extends AnySession {
  readonly stage: 'warned' | 'failed'
  readonly known: Known
}

export interface OverSession extends AnySession {
  readonly stage: 'ended' | 'left'
  readonly reason: ClientEndedReason
}

interface OtherSession extends AnySession {
  readonly stage: Exclude<Stage, (LiveSession | WarningSession | OverSession)['stage']>
}

export type Session = LiveSession | WarningSession | OverSession | OtherSession

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

// The clocks of an awake machine differ by less, also when the time is set from the network.
const longestDrift = 10_000

/** A page of which nothing is known. */
export const nothing: Session = { stage: 'unknown', tag: null, known: null, headerTimeLeft: null, warned: false, reason: null }

/** The server says that this page's user is signed in. */
export function recognise (session: Session, known: Known, tag: string | null): Session {
  if (isSigningOut(session)) return session
  const warned = leftOf(known) <= known.warnBefore
  return { ...nothing, stage: warned ? 'warned' : 'live', tag: session.tag ?? tag, known, warned }
}

/** The server says that nobody is signed in, or somebody else. */
export function end (session: Session): Session {
  const { stage } = session
  if (stage === 'unknown' || isOver(session)) return session
  if (stage === 'unclaimed') return { ...session, stage: 'unknown' }
  const reason = isSigningOut(session) ? 'signed-out' : session.reason ?? reasonByTime(session)
  return { ...session, stage: stage === 'leaving' ? 'left' : 'ended', warned: false, reason }
}

/** The server says nothing that can be used: no reason to end what may be live. The user is warned by what was known. */
export function silence (session: Session): Session {
  if (session.stage === 'unclaimed') return { ...session, stage: 'unknown' }
  return session.stage === 'live' && isNear(session) ? { ...session, stage: 'warned', warned: true } : session
}

/** The page has been away, or another tab says that it is over: nobody knows what has become of the session. */
export function doubt (session: Session): Session {
  return isShown(session) ? { ...session, stage: 'covered' } : session
}

/** Somebody has said why it is over. That may come after the end itself. */
export function explain (session: Session, reason: ClientEndedReason): Session {
  return isOver(session) && session.reason !== 'missing' ? session : { ...session, reason }
}

/** The user wanted to stay, and the server did not do it. */
export function fail (session: Session): Session {
  return session.stage === 'warned' ? { ...session, stage: 'failed' } : session
}

/** The user signs out on this page. */
export function leave (session: Session, stage: 'leaving' | 'renewing'): Session {
  return isOver(session) || session.stage === 'leaving' ? session : { ...session, stage }
}

/** Time has passed. */
export function pass (session: Session): Session {
  if (!isShown(session)) return session
  return timeLeft(session) <= 0 || drift(session.known.at) > longestDrift ? doubt(session) : session
}

/** A response of the application carried the time left. */
export function noteTimeLeft (session: Session, headerTimeLeft: TimeLeft): Session {
  return session.known && since(headerTimeLeft.at) < since(session.known.at) ? { ...session, headerTimeLeft } : session
}

/** What the application sees. */
export function stateOf (session: Session): SessionTimeoutState {
  const { stage } = session
  if (isWarning(session)) return 'warned'
  if (isOver(session)) return 'ended'
  return isHidden(session) ? 'covered' : stage as SessionTimeoutState
}

export function isWarning (session: Session): session is WarningSession {
  return session.stage === 'warned' || session.stage === 'failed'
}

export function isShown (session: Session): session is LiveSession | WarningSession {
  return session.stage === 'live' || isWarning(session)
}

export function isHidden (session: Session): boolean {
  return session.stage !== 'unknown' && session.stage !== 'stopped' && !isShown(session)
}

export function isOver (session: Session): session is OverSession {
  return session.stage === 'ended' || session.stage === 'left'
}

export function isSigningOut ({ stage }: Session): boolean {
  return stage === 'leaving' || stage === 'renewing'
}

/** Whether the server has said that this page's user is signed in, and nothing to the contrary. */
export function isProven (session: Session): boolean {
  return !!session.known?.proven && !isOver(session)
}

function leftOf ({ at, remaining }: TimeLeft): number {
  return (remaining ?? Infinity) - since(at)
}

/**
 * Ms until the server has to be asked whose session it is. A response that tells of more time may be another
 * user's: it puts nothing off. One that tells of less may be right.
 */
function timeLeft ({ known, headerTimeLeft }: LiveSession | WarningSession): number {
  return Math.min(leftOf(known), headerTimeLeft ? leftOf(headerTimeLeft) : Infinity)
}

function isNear (session: LiveSession | WarningSession): boolean {
  return timeLeft(session) <= session.known.warnBefore
}

/** A guard of the application may keep the server from saying why. */
function reasonByTime ({ known }: Session): ClientEndedReason {
  return (known && leftOf(known) <= 0 && known.limit) || 'missing'
}

/** Ms to the deadline as last heard from anybody; null while there is no timed session. Only what has a deadline is warned. */
export function remainingOf (session: WarningSession): number
export function remainingOf (session: Session): number | null
export function remainingOf (session: Session): number | null {
  const { known, headerTimeLeft } = session
  const left = known && !isOver(session) ? leftOf(headerTimeLeft ?? known) : Infinity
  return left === Infinity ? null : Math.max(0, left)
}

/** Null where nothing comes by waiting. */
export function dueOf (session: Session): Due | null {
  if (!isShown(session)) return null
  const left = timeLeft(session)
  // What is left of a second counts as one; then again at the next full second.
  if (isWarning(session)) return { ms: left % 1000 || 1000, seconds: Math.ceil(left / 1000) }
  // Other tabs, API calls and other devices may have extended the session: it is asked before anybody is warned.
  // The answer may never come, so the clock is looked at again at the deadline.
  if (isNear(session)) return { ms: left, ask: true }
  return { ms: Math.min(longestTimer, left - session.known.warnBefore) }
}
