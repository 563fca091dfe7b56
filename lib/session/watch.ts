import type { FastifyBaseLogger } from 'fastify'
import { now, second } from '../clock.js'
import { describeFault, StoreError } from '../errors.js'
import { deadlines, endOf, type SessionRecord } from '../policy.js'
import { readRecord, type StoredSession } from '../store/stored-session.js'
import type { EndReason, TimeoutReason } from '../../types/reasons.js'
import { endByTimeout } from './end.js'
import type { KnownSession, Watcher } from './known-session.js'
import { OpenConnections, type Connection, type RequestConnection } from './open-connections.js'
import { findRecordEntry, refreshRecord } from './refresh-record.js'
import type { Registration } from './registration.js'
import { digestOf, type Sessions } from './sessions.js'
import { endIfSignedOut, isLookDue, userOf } from './signed-out-users.js'

/**
 * How long an end in another process may go unnoticed by an open connection. Also with a bus: no process can know of
 * another one that tells nothing.
 */
const lookupInterval = 30 * second

/** How long a store may take to answer at the deadline: a client that queues while its server is down never does. */
const storePatience = second

export function watchOf (sessions: Sessions, session: KnownSession, registration: Registration): Watch {
  return (session.watch ??= new Watch(sessions, session, registration)) as Watch
}

/** Watches one session for all its connections: one timer, one lookup, however many they are. */
export class Watch implements Watcher {
  readonly #sessions: Sessions
  readonly #session: KnownSession
  readonly #digest: string
  /** That of the latest connection, for its log. */
  #registration: Registration
  readonly #connections = new OpenConnections()
  /** When the store was last asked, or the session seen live, epoch ms. */
  #lookedUpAt = now()
  /** When it is to be asked for what was heard, epoch ms. */
  #hintAt = Infinity
  /** Whether the store still owes an answer. */
  #asking = false
  #timer: NodeJS.Timeout | undefined
  #faultLogged = false

  constructor (sessions: Sessions, session: KnownSession, registration: Registration) {
    this.#registration = registration
    this.#sessions = sessions
    this.#session = session
    this.#digest = digestOf(session.id)
  }

  add (connection: Connection): void {
    // Held also when the requests are over, as after an upgrade.
    if (this.#connections.isEmpty) {
      this.#sessions.use(this.#session.id)
      this.#sessions.watched.set(this.#digest, this)
    }
    this.#connections.add(connection)
    this.#registration = connection.registration
    this.#schedule()
  }

  /**
   * Reads the session for a socket without a request, which is added already, and so hears of an end meanwhile.
   * @returns once it was read: the signal is aborted if there is none that is live and timed
   * @throws the store's error, or FST_SESSION_TIMEOUT_INVALID_OPTION; then it is not watched any more
   */
  async read (connection: Connection): Promise<void> {
    const read = this.#connections.waitFor(connection)
    // Otherwise the next look comes as soon as this one is over.
    if (!this.#asking) this.#wake()
    return read
  }

  remove (connection: Connection): void {
    this.#connections.remove(connection)
    this.#stopIfEmpty()
  }

  sessionEnded (reason: EndReason): void {
    this.#connections.closeAll(reason)
    this.#stopIfEmpty()
  }

  userChanged (stored: StoredSession): void {
    this.#connections.closeOfOtherUsers(stored)
    this.#stopIfEmpty()
  }

  lookUpWithin (delay: number): void {
    this.#hintAt = Math.min(this.#hintAt, now() + delay)
    // An answer that is under way may be older than the hint: once it is there, the store is asked again.
    if (!this.#asking) this.#schedule()
  }

  get #log (): FastifyBaseLogger {
    return this.#connections.anyRequest?.visit.request.log ?? this.#registration.app.log
  }

  get #isWatching (): boolean {
    return this.#session.watch === this
  }

  #stopIfEmpty (): void {
    if (!this.#isWatching || !this.#connections.isEmpty) return
    clearTimeout(this.#timer)
    this.#session.watch = undefined
    this.#sessions.watched.delete(this.#digest)
    this.#sessions.release(this.#session)
  }

  /** What is known of the record now; the session may have lost it, with its user. */
  get #record (): SessionRecord | null {
    return this.#session.record
  }

  #endAt (at: number): TimeoutReason | null {
    return this.#record && endOf(this.#record, this.#connections.limits, at)
  }

  get #lookUpAt (): number {
    return Math.min(this.#hintAt, this.#lookedUpAt + lookupInterval)
  }

  #schedule (atLeast = 1): void {
    clearTimeout(this.#timer)
    const deadline = this.#record ? deadlines(this.#record, this.#connections.limits).first : Infinity
    const due = Math.min(deadline, this.#lookUpAt)
    // It wakes that often also when there is nothing to ask for: the clock may be set, and the bus may fail.
    this.#timer = setTimeout(() => this.#wake(), Math.min(lookupInterval, Math.max(atLeast, due - now()))).unref()
  }

  #wake (): void {
    if (this.#asking && this.#endAt(now()) !== null) return this.#fail(new Error('The session store did not answer in time'))
    const { waiting } = this.#connections
    this.#lookUp(waiting.length > 0).then(
      () => { for (const connection of waiting) this.#connections.stopWaiting(connection) },
      error => {
        for (const connection of waiting) this.#connections.refuse(connection, error)
        this.#stopIfEmpty()
        this.#fail(error)
      }
    ).finally(() => {
      this.#asking = false
      if (this.#connections.waiting.length > 0) this.#wake()
    })
  }

  /** @param isAwaited a socket waits for the answer */
  async #lookUp (isAwaited: boolean): Promise<void> {
    const at = now()
    // Timers may fire a millisecond early, and the clock may have been set back.
    const due = isAwaited || this.#endAt(at) !== null || at >= this.#lookUpAt || at < this.#lookedUpAt
    if (!due) return this.#schedule()
    const isHinted = isAwaited || this.#hintAt < Infinity
    this.#lookedUpAt = at
    this.#hintAt = Infinity
    this.#asking = true
    // For a store that never answers.
    this.#schedule(storePatience)
    const session = this.#session
    const stored = await this.#sessions.store.get(session.id)
    // The last one may have left meanwhile, and another one of the same session come.
    if (!this.#isWatching) return
    if (stored === undefined) {
      if (!isHinted) for (const link of this.#sessions.busLinks) link.noteMissedMessage()
      // Nobody is told twice of an end that was noticed before: then this one closes its connections itself.
      return this.sessionEnded(this.#sessions.noticeEnd(session))
    }
    session.stored = true
    const record = readRecord(stored)
    // Without a record the user was taken out of the session: signed out.
    if (record === undefined && !await this.#hasRecordEntry()) return this.sessionEnded('missing')
    if (record) session.learnSaved(record, at)
    this.userChanged(stored)
    await this.#lookUpUsers(stored, at, isHinted)
    if (!this.#isWatching) return
    this.#connections.read(stored)
    this.#stopIfEmpty()
    if (!this.#isWatching) return
    this.#faultLogged = false
    // A malformed record has no instants, and no deadline.
    const reason = record === null ? 'idle' : this.#endAt(at)
    if (reason === null) return this.#schedule()
    const request = this.#connections.overdueRequest(record === null ? null : this.#record, at)
    if (request !== undefined) return this.#end(request, reason, at)
    return record === null ? this.sessionEnded(reason) : this.#closeSockets()
  }

  /** Whether the session is older than the plugin, and its record in an entry. */
  async #hasRecordEntry (): Promise<boolean> {
    const session = this.#session
    return session.record === null ? findRecordEntry(this.#sessions, session) : session.isUnstamped
  }

  /** Ends the session if its user was signed out everywhere: each scope says for itself who that is. */
  async #lookUpUsers (stored: StoredSession, at: number, isHinted: boolean): Promise<void> {
    for (const registration of this.#connections.registrations) {
      if (!this.#isWatching) return
      const user = userOf(registration, stored)
      // The next time would be too late.
      const interval = registration.settings.touchInterval(this.#connections.limits.idle) - lookupInterval + 1
      if (user === null || !(isHinted || isLookDue(this.#session, at, Math.max(0, interval)))) continue
      await endIfSignedOut(registration, this.#sessions, this.#session, { session: stored, user })
    }
  }

  /** An open page is signed out on time, and the audit line written on time, even if no request ever comes again. */
  async #end ({ visit, limits }: RequestConnection, reason: TimeoutReason, at: number): Promise<void> {
    try {
      const outcome = await endByTimeout(visit, { session: this.#session, limits, reason, at }, () => {})
      if (outcome.kind === 'ended') this.sessionEnded(outcome.reason)
      else if (this.#isWatching) this.#schedule()
    } catch (error) {
      if (error instanceof StoreError) throw error
      // There is no response to carry it.
      visit.request.log.error({ err: error }, 'session timed out, then onTimeout failed')
    }
  }

  /** Without a request there is nothing that onTimeout could be called with: the next one with the cookie ends the session. */
  async #closeSockets (): Promise<void> {
    // A request that came in time may be extending it just now.
    await this.#session.touches?.running.catch(() => {})
    await refreshRecord(this.#sessions, this.#session)
    // The user was taken out of the session in another process.
    if (this.#record === null) return this.sessionEnded('missing')
    this.#closeOverdue(this.#record)
  }

  #closeOverdue (record: SessionRecord): void {
    this.#connections.closeOverdue(record, now())
    this.#stopIfEmpty()
    if (this.#isWatching) this.#schedule()
  }

  /** The store is down: connections stay until the deadline last known, then they close. */
  #fail (error: unknown): void {
    if (!this.#isWatching) return
    if (!this.#faultLogged) {
      this.#faultLogged = true
      const fault = error instanceof StoreError ? error.cause : error
      this.#log.error({ err: describeFault(fault) }, 'open connections not checked: the session store failed')
    }
    if (this.#record === null) this.#schedule()
    else this.#closeOverdue(this.#record)
  }
}
