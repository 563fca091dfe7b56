import type { Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { now } from '../clock.js'
import { clampRecord, endOf, type Limits, type SessionRecord } from '../policy.js'
import { recordEntryKinds, copyExpiryOf } from '../store/record-entries.js'
import { hasData } from '../store/host-session.js'
import {
  expiryOf, ownExpiryOf, readRecord, removeData, removeRecord, writeExpiry, writeGeneration, writeRecord,
  type StoredSession
} from '../store/stored-session.js'
import { refreshRecord } from './refresh-record.js'
import type { KnownSession } from './known-session.js'
import { admitSuccessor, generationFor, generationOfSignIn, userOf } from './signed-out-users.js'
import type { Visit } from './visit.js'

type Callback = (error?: unknown) => void

/**
 * The store as the sessions of one request see it: it gives them their record in the write that stores them,
 * and writes a session that was loaded only while that is still there. The only place with callbacks: the host calls.
 * A class, since one is made for each request and methods on a prototype are cheap.
 */
export class RequestStore implements SessionStore {
  readonly #visit: Visit
  /** `regenerate()` is under way: what it destroys next is to be exchanged for what it stores then. */
  #renewal: { predecessor: KnownSession | undefined } | undefined

  constructor (visit: Visit) {
    this.#visit = visit
  }

  /** A session of this request makes another one that is to take its place. */
  noteSuccessor (): void {
    this.#renewal = { predecessor: undefined }
  }

  get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    answer(this.#visit.host.sessions.store.get(id).then(session => session ?? null), callback)
  }

  destroy (id: string, callback: Callback): void {
    answer(this.#destroy(id), callback)
  }

  set (id: string, session: Session, callback: Callback): void {
    answer(this.#set(id, session), callback)
  }

  async #destroy (id: string): Promise<void> {
    const visit = this.#visit
    const { sessions } = visit.host
    const renewal = this.#renewal
    const known = visit.find(id)
    // regenerate() destroys its session whether it was ever stored or not.
    if (known === undefined || !known.stored) {
      this.#renewal = undefined
      if (renewal === undefined) await signOutSuccessor(visit)
      return sessions.store.discard(id)
    }
    // It is over when its successor is stored, and not before: an end of it has to find the successor.
    if (renewal !== undefined && renewal.predecessor === undefined) renewal.predecessor = known
    else await sessions.inTurn(known, session => signOut(visit, session))
  }

  async #set (id: string, session: Session): Promise<void> {
    const visit = this.#visit
    const { sessions } = visit.host
    const known = visit.hold(id)
    const predecessor = this.#renewal?.predecessor
    if (predecessor === undefined || known.stored) return sessions.inTurn(known, one => write(visit, one, session))
    // In this order, as an end of the predecessor takes them.
    await sessions.inTurn(predecessor, old => sessions.inTurn(known, one => storeSuccessor(visit, old, one, session)))
    this.#renewal = undefined
  }
}

/** On the next tick: what the callback throws is no answer of the store, and must not end in a promise. */
function answer<Value> (result: Promise<Value>, callback: (error?: unknown, value?: Value) => void): void {
  result.then(value => process.nextTick(callback, null, value), error => process.nextTick(callback, error))
}

/** The application's own end of a session. */
async function signOut ({ host: { sessions } }: Visit, session: KnownSession): Promise<void> {
  if (session.ended === null) return sessions.end(session, 'signed-out')
  // One that is over may have come back with a write whose answer was lost, and may live on under another id.
  await sessions.store.discard(session.id)
  await sessions.endSuccessor(session.id, 'signed-out')
}

/** The session that the cookie of this request held was exchanged for another one a moment ago: that one is meant. */
async function signOutSuccessor ({ missingId, host: { sessions } }: Visit): Promise<void> {
  if (missingId !== undefined) await sessions.endSuccessor(missingId, 'signed-out')
}

async function write (visit: Visit, known: KnownSession, session: Session): Promise<void> {
  if (known.ended !== null) return
  const limits = limitsFor(visit, session)
  if (known.stored) await update(visit, known, session, limits)
  else await store(visit, known, session, limits, null)
}

/** `regenerate()`: the session is over, and its successor carries nothing on that was over before. */
async function storeSuccessor (visit: Visit, old: KnownSession, known: KnownSession, session: Session): Promise<void> {
  const { sessions } = visit.host
  // Over already: ended while regenerate() was under way.
  if (known.ended !== null) return removeData(session)
  const isSignIn = !hasData(session)
  if (old.ended !== null || await isPast(visit, old)) removeData(session)
  const before = old.record
  if (!hasData(session)) {
    const sparing = known.id
    if (old.ended === null) await sessions.end(old, 'signed-out', { sparing })
    // Exchanged by another request: the user who signs in here takes the place of that one, too.
    else if (isSignIn) await sessions.endSuccessor(old.id, 'signed-out', sparing)
    return store(visit, known, session, limitsFor(visit, session), before)
  }
  const limits = limitsFor(visit, session)
  const record = prepare(visit, session, limits, before)
  const admit = (): Promise<boolean> => admitSuccessor(visit, old, known, session)
  if (await sessions.exchange(old, known, session, admit)) return noteStored(visit, known, record, limits)
  removeData(session)
  // What it carried is in the store by now: written over, or taken out.
  try {
    await store(visit, known, session, limitsFor(visit, session), before)
  } catch (error) {
    await sessions.store.abandon(known.id)
    throw error
  }
}

/** Whether a session is past its deadline by now: a sign-in may take its time. */
async function isPast (visit: Visit, session: KnownSession): Promise<boolean> {
  const limits = visit.limits()
  const at = now()
  if (session.record === null || endOf(session.record, limits, at) === null) return false
  await refreshRecord(visit.host.sessions, session)
  return endOf(session.record, limits, at) !== null
}

/** The first write of a session. */
async function store (
  visit: Visit, known: KnownSession, session: Session, limits: Limits | null, before: SessionRecord | null
): Promise<void> {
  const record = prepare(visit, session, limits, before)
  writeGeneration(session, await generationOfSignIn(visit, known, userOf(visit.registration, session)))
  await visit.host.sessions.store.insert(known.id, session)
  noteStored(visit, known, record, limits)
}

/** A successor starts anew, also where regenerate(keys) has copied the record into it. */
function prepare (
  visit: Visit, session: Session, limits: Limits | null, before: SessionRecord | null
): SessionRecord | null {
  if (limits === null) {
    // The host makes a successor with the expiry of the session before: it followed from our record.
    removeRecord(session, before, session.cookie?.expires)
    return null
  }
  const record = startOf(session, before)
  stamp(visit, session, record, limits)
  return record
}

function noteStored (visit: Visit, known: KnownSession, record: SessionRecord | null, limits: Limits | null): void {
  known.record = record
  known.isUnstamped = false
  visit.setCurrent(known)
  if (!limits) return
  visit.useLimits(limits)
  known.limits = limits
}

/** A later write: over what is there, and only if it is. */
async function update (visit: Visit, known: KnownSession, session: Session, limits: Limits | null): Promise<void> {
  const { sessions } = visit.host
  const stored = await sessions.store.get(known.id)
  const theirs = stored && readRecord(stored)
  if (stored === undefined || known.ended !== null) {
    sessions.noticeEnd(known)
    return
  }
  // No write mends a malformed record: the session is over.
  if (theirs === null) return sessions.end(known, 'idle', { cookie: visit.cookie })
  const isOther = limits !== null && hasOtherUser(visit, stored, session)
  const generation = await generationFor(visit, known, stored, session)
  const record = limits && (isOther ? startOf(session, known.record) : newest(known, theirs, session))
  if (record && limits) stamp(visit, session, record, limits, theirs && expiryOf(stored))
  else removeRecord(session, known.record ?? theirs ?? null, visit.loadedExpiry)
  writeGeneration(session, generation)
  if (!await sessions.store.replace(known.id, session)) {
    sessions.noticeEnd(known)
    return
  }
  if (!visit.appliedAtLoad && record !== null && known.record !== null) warnOfContradiction(visit)
  // The user was taken out of it, and with that its record; or is another one. For connections that is an end.
  const isLeft = record === null && known.record !== null
  // Those too that only another process knows of: its start would time whoever has the session next.
  if (isLeft) sessions.recordEntries.drop(known.id, recordEntryKinds)
  if (isLeft || isOther) {
    sessions.notifyOtherProcesses(known)
    if (isOther) known.watch?.userChanged(session)
    else known.watch?.sessionEnded('missing')
  }
  noteStored(visit, known, record, limits)
}

/** Whether the session belongs to another user than before, without `regenerate()`. A first sign-in is none. */
function hasOtherUser ({ registration: { settings } }: Visit, stored: StoredSession, session: StoredSession): boolean {
  const before = settings.user(stored)
  return before !== null && before !== settings.user(session)
}

function newest (known: KnownSession, theirs: SessionRecord | undefined, session: Session): SessionRecord {
  const at = now()
  if (theirs) known.learnSaved(theirs, at)
  return known.record ? clampRecord(known.record, at) : startOf(session, null)
}

function startOf (session: Session, before: SessionRecord | null): SessionRecord {
  const at = now()
  const ownExpiry = before ? before.ownExpiry : ownExpiryOf(session)
  return ownExpiry === undefined ? { startedAt: at, lastActivity: at } : { startedAt: at, lastActivity: at, ownExpiry }
}

/**
 * The record, and the expiry that follows from it, as stores read it.
 * @param present the expiry that the stored copy has: a stricter scope must not make the store forget a laxer one's user
 */
function stamp (visit: Visit, session: StoredSession, record: SessionRecord, limits: Limits, present = 0): void {
  writeRecord(session, record)
  writeExpiry(session, Math.max(present, copyExpiryOf(record, limits, visit.registration.settings.storeGrace)))
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

/** Logged once: such an option would sign no user out, were the record not what counts. */
export function warnOfContradiction ({ registration: { loggedWarnings }, request }: Visit): void {
  if (loggedWarnings.contradiction) return
  loggedWarnings.contradiction = true
  request.log.warn(contradiction)
}

const contradiction = 'fastify-session-timeout: appliesTo says no to a session when it is loaded and yes later in the request. ' +
  'It is called before later hooks have set what it looks at: let it look at request.session, or use the option `user`. ' +
  'The session is timed all the same'
