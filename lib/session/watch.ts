import type { FastifyBaseLogger } from 'fastify'
import { now, second } from '../clock.js'
import { describeFault, endedError, StoreError } from '../errors.js'
import { deadlines, endOf, type Limits, type SessionRecord } from '../policy.js'
import { readRecord, type StoredSession } from '../store/stored-session.js'
import type { EndReason, TimeoutReason } from '../../types/reasons.js'
import { refreshRecord } from './refresh-record.js'
import { endByTimeout } from './end.js'
import type { KnownSession, Watcher } from './known-session.js'
import { LimitsInForce } from './limits-in-force.js'
import type { Registration } from './registration.js'
import { digestOf, type Sessions } from './sessions.js'
import { endIfSignedOut, isLookDue, userOf } from './signed-out-users.js'
import type { Visit } from './visit.js'

/**
 * How long an end in another process may go unnoticed by an open connection. Also with a bus: no process can know of
 * another one that tells nothing.
 */
const lookupInterval = 30 * second

/** How long a store may take to answer at the deadline: a client that queues while its server is down never does. */
const storePatience = second

/** What stays open no longer than its session. */
export interface Connection {
  readonly registration: Registration
  readonly limits: Limits
  /** Who was signed in when it was opened; null where nobody can tell. */
  readonly user: string | null
  readonly controller: AbortController
  /** Undefined for a socket that is no request of Fastify. */
  readonly visit: Visit | undefined
  release (): void
}

export function watchOf (sessions: Sessions, session: KnownSession, registration: Registration): Watch {
  return (session.watch ??= new Watch(sessions, session, registration)) as Watch
}

function abort ({ controller, release }: Connection, reason: EndReason): void {
  release()
  controller.abort(endedError(reason))
}

/** Watches one session for all its connections: one timer, one lookup, however many they are. */
export class Watch implements Watcher {
  readonly #sessions: Sessions
  readonly #session: KnownSession
  readonly #digest: string
  /** That of the latest connection. */
  #registration: Registration
  readonly #connections = new Set<Connection>()
  readonly #limitsInForce = new LimitsInForce()
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
    if (this.#connections.size === 0) {
      this.#sessions.use(this.#session.id)
      this.#sessions.watched.set(this.#digest, this)
    }
    this.#connections.add(connection)
    this.#registration = connection.registration
    this.#limitsInForce.add(connection.limits)
    this.#schedule()
  }

  remove (connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    if (this.#connections.size === 0) return this.#stop()
    this.#limitsInForce.remove(connection.limits)
  }

  sessionEnded (reason: EndReason): void {
    if (!this.#isWatching) return
    const connections = [...this.#connections]
    this.#connections.clear()
    this.#stop()
    for (const connection of connections) abort(connection, reason)
  }

  userChanged (stored: StoredSession): void {
    for (const connection of [...this.#connections]) {
      if (connection.user === userOf(connection.registration, stored)) continue
      this.remove(connection)
      abort(connection, 'missing')
    }
  }

  lookUpWithin (delay: number): void {
    this.#hintAt = Math.min(this.#hintAt, now() + delay)
    // An answer that is under way may be older than the hint: once it is there, the store is asked again.
    if (!this.#asking) this.#schedule()
  }

  /** The strictest of its connections'. */
  get #limits (): Limits {
    return this.#limitsInForce.strictest
  }

  get #anyVisit (): Visit | undefined {
    for (const { visit } of this.#connections) if (visit !== undefined) return visit
    return undefined
  }

  get #log (): FastifyBaseLogger {
    return this.#anyVisit?.request.log ?? this.#registration.app.log
  }

  get #isWatching (): boolean {
    return this.#session.watch === this
  }

  #stop (): void {
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
    return this.#record && endOf(this.#record, this.#limits, at)
  }

  get #lookUpAt (): number {
    return Math.min(this.#hintAt, this.#lookedUpAt + lookupInterval)
  }

  #schedule (atLeast = 1): void {
    clearTimeout(this.#timer)
    const deadline = this.#record ? deadlines(this.#record, this.#limits).first : Infinity
    const due = Math.min(deadline, this.#lookUpAt)
    // It wakes that often also when there is nothing to ask for: the clock may be set, and the bus may fail.
    this.#timer = setTimeout(() => this.#wake(), Math.min(lookupInterval, Math.max(atLeast, due - now()))).unref()
  }

  #wake (): void {
    if (this.#asking && this.#endAt(now()) !== null) return this.#fail(new Error('The session store did not answer in time'))
    this.#lookUp().catch(error => this.#fail(error)).finally(() => { this.#asking = false })
  }

  async #lookUp (): Promise<void> {
    const at = now()
    // Timers may fire a millisecond early, and the clock may have been set back.
    const due = this.#endAt(at) !== null || at >= this.#lookUpAt || at < this.#lookedUpAt
    if (!due) return this.#schedule()
    const isHinted = this.#hintAt < Infinity
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
      return this.#sessions.noticeEnd(session)
    }
    const record = readRecord(stored)
    // Without a record the user was taken out of the session: signed out.
    if (record === undefined && !session.isUnstamped) return this.sessionEnded('missing')
    if (record) session.learnSaved(record, at)
    this.userChanged(stored)
    if (!this.#isWatching) return
    await this.#lookUpUser(stored, at, isHinted)
    if (!this.#isWatching) return
    this.#faultLogged = false
    const reason = record === null ? 'idle' : this.#endAt(at)
    if (reason !== null) await this.#end(reason, at)
    else this.#schedule()
  }

  /** Ends the session if its user was signed out everywhere. */
  async #lookUpUser (stored: StoredSession, at: number, isHinted: boolean): Promise<void> {
    const registration = this.#registration
    const user = userOf(registration, stored)
    // The next time would be too late.
    const interval = Math.max(0, registration.settings.touchInterval(this.#limits.idle) - lookupInterval + 1)
    if (user === null || !(isHinted || isLookDue(this.#session, at, interval))) return
    await endIfSignedOut(registration, this.#sessions, this.#session, { session: stored, user })
  }

  /** An open page is signed out on time, and the audit line written on time, even if no request ever comes again. */
  async #end (reason: TimeoutReason, at: number): Promise<void> {
    const visit = this.#anyVisit
    if (visit === undefined) return this.#closeIfOver()
    try {
      const outcome = await endByTimeout(visit, { session: this.#session, limits: this.#limits, reason, at }, () => {})
      if (outcome.kind === 'ended') this.sessionEnded(outcome.reason)
      else if (this.#isWatching) this.#schedule()
    } catch (error) {
      if (error instanceof StoreError) throw error
      // There is no response to carry it.
      visit.request.log.error({ err: error }, 'session timed out, then onTimeout failed')
    }
  }

  /** Without a request there is nothing that onTimeout could be called with: the next request with the cookie ends the session. */
  async #closeIfOver (): Promise<void> {
    // A request that came in time may be extending it just now.
    await this.#session.touches?.running.catch(() => {})
    await refreshRecord(this.#sessions, this.#session)
    if (!this.#isWatching) return
    // Its user was taken out of it in another process.
    const reason = this.#record === null ? 'missing' : this.#endAt(now())
    if (reason === null) this.#schedule()
    else this.sessionEnded(reason)
  }

  /** The store is down: connections stay until the deadline last known, then they close. */
  #fail (error: unknown): void {
    if (!this.#isWatching) return
    if (!this.#faultLogged) {
      this.#faultLogged = true
      const fault = error instanceof StoreError ? error.cause : error
      this.#log.error({ err: describeFault(fault) }, 'open connections not checked: the session store failed')
    }
    const reason = this.#endAt(now())
    if (reason === null) this.#schedule()
    else this.sessionEnded(reason)
  }
}
