import { now, second } from '../clock.js'
import type { SessionRecord } from '../policy.js'
import type { ClockEntry } from '../store/clocks.js'
import type { KnownSession } from './known-session.js'
import type { Sessions } from './sessions.js'

/** How long what was read from the store is taken for fresh. */
export const freshFor = second

/**
 * Asks the store for the clock of a session: before anything is refused or told because of it, since other processes
 * may have moved it. @throws the store's error
 */
export async function refreshClock (sessions: Sessions, session: KnownSession): Promise<void> {
  const { activity, start } = await sessions.clocks.read(session.id)
  const at = now()
  session.readAt = at
  // Its clock is nowhere else: another process has taken the user out, and the clock with it.
  if (session.isUnstamped && start === undefined) {
    session.record = null
    return
  }
  take(session, 'activity', activity, at)
  take(session, 'start', start, at)
}

function take (session: KnownSession, kind: ClockEntry, clock: SessionRecord | undefined, at: number): void {
  if (clock === undefined) return
  session.noteEntry(kind)
  // A session whose user was taken out has left its clock.
  if (session.record !== null || session.isUnstamped) session.learn(clock, at)
}

/** The same, unless it was read just now. */
export async function refreshStaleClock (sessions: Sessions, session: KnownSession): Promise<void> {
  const age = now() - session.readAt
  if (age < 0 || age >= freshFor) await refreshClock(sessions, session)
}
