import { channel } from 'node:diagnostics_channel'
import type { FastifyBaseLogger } from 'fastify'
import type { SessionStore } from '@fastify/session'
import type { SessionEnd } from '../../types/index.js'
import type { EndReason } from '../../types/reasons.js'
import { now, second } from '../clock.js'
import { describeFault } from '../errors.js'
import type { SessionRecord } from '../policy.js'
import { createGuardedStore, type Callback, type GuardedStore } from '../store/guarded-store.js'
import { markOf } from '../store/marks.js'
import { createRecentEnds, type RecentEnds } from '../store/recent-ends.js'
import type { Audience, EndLine } from './end-bus.js'
import { isTimeout, KnownSession, type Watcher } from './known-session.js'

const ends = channel('fastify-session-timeout:end')

/** Over how long the look-ups of all watched sessions are spread. */
const spread = 5 * second

const byStore = new WeakMap<SessionStore, Sessions>()

/** The sessions of a store: one book of them in this process, however many registrations use the store. */
export function sessionsOf (store: SessionStore, log: FastifyBaseLogger): Sessions {
  let sessions = byStore.get(store)
  if (sessions === undefined) byStore.set(store, sessions = new Sessions(store, log))
  return sessions
}

/** What this process knows of the sessions in a store: of those in use, and of those that ended within a minute. */
export class Sessions implements Audience {
  readonly store: GuardedStore
  readonly recent: RecentEnds = createRecentEnds()
  /** The ways by which other processes hear of ends, and tell of theirs. */
  readonly lines = new Set<EndLine>()
  /** Those with open connections, by the digest of their id. */
  readonly watched = new Map<string, Watcher>()
  readonly #inUse = new Map<string, KnownSession>()
  readonly #log: FastifyBaseLogger
  #complained = false

  constructor (store: SessionStore, log: FastifyBaseLogger) {
    this.#log = log
    this.store = createGuardedStore(store, this.recent, error => this.#complain(error))
  }

  /** The one object for that session. Every use ends with a {@link release}. */
  use (id: string): KnownSession {
    let session = this.#inUse.get(id)
    if (session === undefined) {
      session = new KnownSession(id, this.recent.find(id)?.reason ?? null)
      this.#inUse.set(id, session)
    }
    session.users++
    return session
  }

  release (session: KnownSession): void {
    if (--session.users === 0) this.#inUse.delete(session.id)
  }

  /**
   * Lets an operation that reads the session from the store and writes it back take its turn.
   * After the response, when nobody holds the session any more, there may be another object for it by now.
   */
  takeTurn (session: KnownSession, operation: (session: KnownSession, done: () => void) => void): void {
    const one = this.use(session.id)
    if (one !== session) one.stored ||= session.stored
    one.queue.run(done => operation(one, () => {
      if (one !== session) Object.assign(session, { record: one.record, ended: one.ended, stored: one.stored })
      done()
      this.release(one)
    }))
  }

  /** The same for an asynchronous operation. */
  inTurn<Result> (session: KnownSession, operation: (session: KnownSession) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.takeTurn(session, (one, done) => {
        operation(one).finally(done).then(resolve, reject)
      })
    })
  }

  /**
   * Ends a session for every process. Remembered before the store is asked, so that from then on no write under way in
   * this process brings it back; told to everyone once it is destroyed; taken back when the store refuses.
   * @param cookie the cookie that held it, so that later requests with it get the same answer
   */
  end (session: KnownSession, reason: EndReason, cookie: string | undefined, callback: Callback): void {
    this.#begin(session, reason, cookie)
    this.store.end(session.id, error => {
      if (error) {
        session.ended = null
        this.recent.forget(session.id, cookie)
      } else {
        this.#tell(session)
        this.tellOthers(session)
      }
      callback(error)
    })
  }

  /** The store does not have it any more: somebody ended it. */
  noticeEnd (session: KnownSession, reason: EndReason = 'missing', cookie?: string): void {
    if (session.ended !== null) return
    this.#begin(session, reason, cookie)
    this.#tell(session)
  }

  /** Whether other processes tell of their ends. */
  get isTold (): boolean {
    for (const { isHealthy } of this.lines) if (!isHealthy) return false
    return this.lines.size > 0
  }

  /** Has other processes look that session up. The digest is worth nothing to who reads it. */
  tellOthers ({ id }: KnownSession): void {
    if (this.lines.size === 0) return
    const digest = markOf(id)
    for (const line of this.lines) line.publish(digest)
  }

  hear (digest: string): void {
    this.watched.get(digest)?.lookUpWithin(0)
  }

  lookUpAll (): void {
    for (const watcher of this.watched.values()) watcher.lookUpWithin(Math.random() * spread)
  }

  #begin (session: KnownSession, reason: EndReason, cookie: string | undefined): void {
    session.ended = reason
    this.recent.remember(session.id, reason, cookie)
  }

  #tell (session: KnownSession): void {
    const { record, ended } = session
    const reason = ended!
    // A session of nobody has no end that anyone counts; one with a malformed record has no instants.
    if ((record !== null || isTimeout(reason)) && ends.hasSubscribers) ends.publish(describe(reason, record))
    session.watch?.sessionEnded(reason)
  }

  #complain (error: unknown): void {
    if (this.#complained) return
    this.#complained = true
    this.#log.warn({ err: describeFault(error) },
      'the session store cannot keep marks of ended sessions: a request in flight in another process may bring one back')
  }
}

function describe (reason: EndReason, record: SessionRecord | null): SessionEnd {
  const { startedAt, lastActivity } = record ?? { startedAt: null, lastActivity: null }
  const idleFor = lastActivity === null ? null : Math.max(0, now() - lastActivity)
  return Object.freeze({ reason, startedAt, lastActivity, idleFor })
}
