import { now } from '../clock.js'
import { endOf, type Limits } from '../policy.js'
import { readRecord, type StoredSession } from '../store/stored-session.js'
import type { EndReason } from '../../types/reasons.js'
import { findRecordEntry, refreshRecord } from './refresh-record.js'
import type { KnownSession } from './known-session.js'
import type { Registration } from './registration.js'
import type { Sessions } from './sessions.js'
import { isSignedOut, userOf } from './signed-out-users.js'

/** A live and timed session has limits and no reason, one that is over a reason, one that is not timed neither. */
export interface Found {
  readonly limits?: Limits
  readonly reason?: EndReason
}

/**
 * Looks whether a session is over that was loaded without a request that the check has seen. The session is not ended
 * here: the next request with its cookie does that, and is told why.
 * @param limitsFor called for a timed session only
 * @throws the store's error, or FST_SESSION_TIMEOUT_INVALID_OPTION
 */
export async function checkLoaded (
  registration: Registration, sessions: Sessions, known: KnownSession, loaded: StoredSession, limitsFor: () => Limits
): Promise<Found> {
  const record = readRecord(loaded)
  if (known.ended !== null) return { reason: known.ended }
  // A malformed record has no instants, and no deadline.
  if (record === null) return { reason: 'idle' }
  const user = userOf(registration, loaded)
  if (user !== null && await isSignedOut(sessions, known, { session: loaded, user })) return { reason: 'revoked' }
  if (record !== undefined) known.learnSaved(record, now())
  else if (!await hasRecordEntry(registration, sessions, known, user)) return {}
  const limits = limitsFor()
  // Another process may have moved the record, or taken the user out of the session.
  if (known.record !== null && endOf(known.record, limits, now()) !== null) await refreshRecord(sessions, known)
  if (known.ended !== null) return { reason: known.ended }
  if (known.record === null) return {}
  const reason = endOf(known.record, limits, now())
  return reason === null ? { limits } : { reason }
}

/** Whether a session that is older than the plugin has its record in an entry. */
async function hasRecordEntry (
  { settings }: Registration, sessions: Sessions, known: KnownSession, user: string | null
): Promise<boolean> {
  if (known.isUnstamped && known.record !== null) return true
  if (user === null && settings.knowsUsers && !settings.mayContradict) return false
  return findRecordEntry(sessions, known)
}
