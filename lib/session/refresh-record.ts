import { now, second } from '../clock.js'
import type { SessionRecord } from '../policy.js'
import type { RecordEntryKind } from '../store/record-entries.js'
import type { KnownSession } from './known-session.js'
import type { Sessions } from './sessions.js'

/** How long what was read from the store is taken for fresh. */
export const freshFor = second

/**
 * Asks the store for the record of a session: before anything is refused or told because of it, since other processes
 * may have moved it. @throws the store's error
 */
export async function refreshRecord (sessions: Sessions, session: KnownSession): Promise<void> {
  const { activity, start } = await sessions.recordEntries.read(session.id)
  const at = now()
  session.readAt = at
  // Its record is nowhere else: another process has taken the user out, and the record with it.
  if (session.isUnstamped && start === undefined) {
    session.record = null
    return
  }
  take(session, 'activity', activity, at)
  take(session, 'start', start, at)
}

function take (session: KnownSession, kind: RecordEntryKind, found: SessionRecord | undefined, at: number): void {
  if (found === undefined) return
  session.noteEntry(kind)
  // A session whose user was taken out has left its record.
  if (session.record !== null || session.isUnstamped) session.learn(found, at)
}

/**
 * Looks for the record of a session that is older than the plugin: it is in an entry.
 * @returns whether there is one @throws the store's error
 */
export async function findRecordEntry (sessions: Sessions, session: KnownSession): Promise<boolean> {
  if (!await sessions.recordEntries.hasUnstamped(session.id)) return false
  session.isUnstamped = true
  await refreshRecord(sessions, session)
  return session.record !== null
}

/** The same as {@link refreshRecord}, unless it was read just now. */
export async function refreshStaleRecord (sessions: Sessions, session: KnownSession): Promise<void> {
  const age = now() - session.readAt
  if (age < 0 || age >= freshFor) await refreshRecord(sessions, session)
}
