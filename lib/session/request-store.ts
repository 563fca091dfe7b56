import type { Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { now } from '../clock.js'
import { clampRecord, deadlines, endOf, mergeRecords, type Limits, type SessionRecord } from '../policy.js'
import type { Callback } from '../store/guarded-store.js'
import { emptyOut, ownExpiryOf, readRecord, removeRecord, writeExpiry, writeRecord, type StoredSession } from '../store/stored-session.js'
import type { KnownSession } from './known-session.js'
import type { Sessions } from './sessions.js'
import type { Visit } from './visit.js'

/**
 * The store as the sessions of one request see it: it gives them their record in the write that stores them,
 * and writes a session that was loaded only while that is still there.
 * A class, for once: one is made per request, and methods on a prototype cost nothing then.
 */
export class RequestStore implements SessionStore {
  readonly #visit: Visit

  constructor (visit: Visit) {
    this.#visit = visit
  }

  get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    this.#visit.host.sessions.store.get(id, callback)
  }

  destroy (id: string, callback: Callback): void {
    const visit = this.#visit
    const { sessions } = visit.host
    const exchanging = visit.exchanging
    visit.exchanging = false
    const known = visit.find(id)
    // regenerate() destroys its session whether it was ever stored or not.
    if (known === undefined || !known.stored) return sessions.store.discard(id, callback)
    sessions.takeTurn(known, (session, done) => {
      const answer: Callback = error => {
        done()
        callback(error)
      }
      if (!exchanging) return signOut(sessions, session, answer)
      exchange(visit, session, answer)
    })
  }

  set (id: string, session: Session, callback: Callback): void {
    const visit = this.#visit
    visit.host.sessions.takeTurn(visit.hold(id), (known, done) => {
      write(visit, known, session, error => {
        done()
        callback(error)
      })
    })
  }
}

/** The application's own end of a session. */
function signOut (sessions: Sessions, session: KnownSession, callback: Callback): void {
  // One that is over may have come back with a write whose answer was lost.
  if (session.ended !== null) return sessions.store.discard(session.id, callback)
  sessions.end(session, 'signed-out', undefined, callback)
}

/** `regenerate()`: the session is over, and its successor carries nothing on that was over before. */
function exchange (visit: Visit, session: KnownSession, callback: Callback): void {
  const { sessions } = visit.host
  const { record } = session
  sessions.store.get(session.id, (error, stored) => {
    if (error) return callback(error)
    let past: boolean
    try {
      past = record !== null && endOf(record, visit.limits(), now()) !== null
    } catch (error) {
      return callback(error)
    }
    visit.predecessor = { live: session.ended === null && !past && Boolean(stored), record }
    signOut(sessions, session, callback)
  })
}

function write (visit: Visit, known: KnownSession, session: Session, callback: Callback): void {
  if (known.ended !== null) return callback()
  let limits: Limits | null
  try {
    limits = limitsFor(visit, session)
  } catch (error) {
    return callback(error)
  }
  if (known.stored) update(visit, known, session, limits, callback)
  else store(visit, known, session, limits, callback)
}

/** The first write of a session. */
function store (visit: Visit, known: KnownSession, session: Session, limits: Limits | null, callback: Callback): void {
  const { predecessor } = visit
  visit.predecessor = undefined
  if (predecessor?.live === false) {
    emptyOut(session)
    // Nobody is signed in any more: asked anew.
    visit.predecessor = { live: true, record: predecessor.record }
    return write(visit, known, session, callback)
  }
  const at = now()
  // A successor starts anew, also where regenerate(keys) has copied the record into it.
  const record = limits && { startedAt: at, lastActivity: at, ...withOwnExpiry(session, predecessor?.record) }
  if (record) stamp(visit, session, record, limits!)
  // The host makes a successor with the expiry of the session before: it was our clock's.
  else removeRecord(session, predecessor?.record ?? null, session.cookie?.expires)
  visit.host.sessions.store.set(known.id, session, error => {
    if (!error) {
      known.record = record
      visit.settleOn(known)
      if (limits) visit.useLimits(limits)
    }
    callback(error)
  })
}

/** A later write: over what is there, and only if it is. */
function update (visit: Visit, known: KnownSession, session: Session, limits: Limits | null, callback: Callback): void {
  const { sessions } = visit.host
  sessions.store.get(known.id, (error, stored) => {
    if (error) return callback(error)
    const theirs = stored ? readRecord(stored) : undefined
    if (!stored || known.ended !== null) {
      sessions.noticeEnd(known)
      return callback()
    }
    // No write mends a malformed record: the session is over.
    if (theirs === null) return sessions.end(known, 'idle', visit.cookie, callback)
    const record = limits && newest(known.record, theirs, session)
    if (record) stamp(visit, session, record, limits!)
    else removeRecord(session, known.record ?? theirs ?? null, visit.loadedExpiry)
    sessions.store.replace(known.id, session, (error, live) => {
      if (!error && !live) sessions.noticeEnd(known)
      else if (!error) {
        noticeContradiction(visit, known, record)
        // Somebody took the user out of it, and with that its clock: signed out.
        if (record === null && known.record !== null) sessions.tellOthers(known)
        known.record = record
        visit.settleOn(known)
        if (limits) visit.useLimits(limits)
      }
      callback(error)
    })
  })
}

function newest (ours: SessionRecord | null, theirs: SessionRecord | undefined, session: Session): SessionRecord {
  const at = now()
  if (ours && theirs) return mergeRecords(ours, theirs, at)
  const one = ours ?? theirs
  return one ? clampRecord(one, at) : { startedAt: at, lastActivity: at, ...withOwnExpiry(session, null) }
}

function withOwnExpiry (session: Session, before: SessionRecord | null | undefined): { ownExpiry?: number } {
  const ownExpiry = before ? before.ownExpiry : ownExpiryOf(session)
  return ownExpiry === undefined ? {} : { ownExpiry }
}

/** The record, and the expiry that follows from it, as stores read it. */
export function stamp (visit: Visit, session: StoredSession, record: SessionRecord, limits: Limits): void {
  writeRecord(session, record)
  writeExpiry(session, deadlines(record, limits).first + visit.registration.settings.storeGrace)
}

/** Null where the session is not timed. `regenerate` writes the new session while request.session is still the old one. */
function limitsFor (visit: Visit, session: Session): Limits | null {
  const { request, registration: { settings } } = visit
  const current = request.session
  request.session = session as typeof current
  try {
    return settings.appliesTo(request) ? settings.limits(request) : null
  } finally {
    request.session = current
  }
}

/** Said once: such an option would sign nobody out, were the record not the fact. */
function noticeContradiction (
  { appliedAtLoad, registration: { noticed }, request }: Visit, known: KnownSession, record: SessionRecord | null
): void {
  if (appliedAtLoad || noticed.contradiction || record === null || known.record === null) return
  noticed.contradiction = true
  request.log.warn('fastify-session-timeout: appliesTo says no to a session when it is loaded and yes when it is stored. ' +
    'It is asked before later hooks have set what it looks at: let it look at request.session, or use the option `user`. ' +
    'The session is timed all the same')
}
