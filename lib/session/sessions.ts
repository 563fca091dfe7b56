import { channel } from 'node:diagnostics_channel'
import type { FastifyBaseLogger, Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import type { SessionEnd } from '../../types/index.js'
import type { EndReason } from '../../types/reasons.js'
import { now, second } from '../clock.js'
import { describeFault } from '../errors.js'
import type { SessionRecord } from '../policy.js'
import { createRecordEntries, type RecordEntries } from '../store/record-entries.js'
import { entryId } from '../store/entries.js'
import { createGuardedStore, type GuardedStore } from '../store/guarded-store.js'
import { createRecentEnds, type RecentEnds } from '../store/recent-ends.js'
import { createUserEnds, type UserEnds } from '../store/user-ends.js'
import { isDebugged } from './decisions.js'
import type { EndBusListener, EndBusLink } from './end-bus.js'
import { isTimeout, KnownSession, type Watcher } from './known-session.js'

const ends = channel('fastify-session-timeout:end')

/** Over how long the look-ups of all watched sessions are spread. */
const spread = 5 * second

/** How many sessions are remembered that nothing uses: bounded memory, whatever the load. */
const capacity = 10_000

/** The prefix of messages about a user. No digest of a session's id has a full stop. */
const userPrefix = 'user.'

const byStore = new WeakMap<SessionStore, Sessions>()

/**
 * The sessions of a store: one book of them in this process, however many registrations use the store.
 * @param makeId makes an id as the application does
 */
export function sessionsOf (store: SessionStore, log: FastifyBaseLogger, makeId: () => string): Sessions {
  let sessions = byStore.get(store)
  if (sessions === undefined) byStore.set(store, sessions = new Sessions(store, log, makeId()))
  return sessions
}

/** What an end is about. */
export interface EndOptions {
  /** The cookie that held the session, so that later requests with it get the same answer. */
  readonly cookie?: string | undefined
  /** Until when other processes can be told the reason, epoch ms. */
  readonly keepReason?: number
  /** A successor that is not ended: whoever ends the session holds its turn, and knows. */
  readonly sparing?: string
}

/** What this process knows of the sessions in a store: of those in use, of late ones, and of those that ended within a minute. */
export class Sessions implements EndBusListener {
  readonly store: GuardedStore
  readonly recordEntries: RecordEntries
  readonly userEnds: UserEnds
  readonly recent: RecentEnds = createRecentEnds()
  /** The links by which processes notify each other of ends. */
  readonly busLinks = new Set<EndBusLink>()
  /** Those with open connections, by the digest of their id. */
  readonly watched = new Map<string, Watcher>()
  readonly #known = new Map<string, KnownSession>()
  readonly #turnsOfUsers = new Map<string, Promise<void>>()
  /** At how many the memory is tidied up next: more than capacity while more than that are in use. */
  #tidyAt = capacity
  readonly #log: FastifyBaseLogger
  #complained = false

  constructor (store: SessionStore, log: FastifyBaseLogger, like: string) {
    this.#log = log
    this.store = createGuardedStore(store, this.recent, error => this.#complain(error))
    this.recordEntries = createRecordEntries(this.store)
    this.userEnds = createUserEnds(this.store, like)
  }

  /** The one object for that session. Every use ends with a {@link release}. */
  use (id: string): KnownSession {
    let session = this.#known.get(id)
    if (session === undefined) {
      if (this.#known.size >= this.#tidyAt) this.#tidyUp()
      session = new KnownSession(id, this.recent.find(id)?.reason ?? null)
      this.#known.set(id, session)
    }
    session.isRecent = true
    session.users++
    return session
  }

  release (session: KnownSession): void {
    // The memory of recent ends is the one that counts: what a store forgot for a moment may be there again.
    if (--session.users > 0 || session.ended === null) return
    if (this.#known.get(session.id) === session) this.#known.delete(session.id)
  }

  /** Forgets what nothing uses and nothing has used since the last time; a tenth at least can come before the next. */
  #tidyUp (): void {
    for (const [id, session] of this.#known) {
      if (session.users === 0 && !session.isRecent) this.#known.delete(id)
      session.isRecent = false
    }
    if (this.#known.size > capacity * 0.9) {
      for (const [id, { users }] of this.#known) {
        if (this.#known.size <= capacity / 2) break
        if (users === 0) this.#known.delete(id)
      }
    }
    this.#tidyAt = Math.max(capacity, Math.ceil(this.#known.size * 1.1))
  }

  /**
   * Lets an operation that reads the session from the store and writes it back, or ends it, take its turn.
   * After the response there may be another object for it by now.
   */
  async inTurn<Result> (session: KnownSession, operation: (session: KnownSession) => Promise<Result>): Promise<Result> {
    const one = this.use(session.id)
    if (one !== session) one.stored ||= session.stored
    try {
      return await one.queue.run(() => operation(one))
    } finally {
      if (one !== session) Object.assign(session, { record: one.record, ended: one.ended, stored: one.stored })
      this.release(one)
    }
  }

  /**
   * Ends a session for every process, and the one that it was exchanged for. Remembered before the store is asked, so
   * that from then on no write under way in this process brings it back; told to everyone once it is destroyed; taken
   * back when the store refuses.
   */
  async end (session: KnownSession, reason: EndReason, options: EndOptions = {}): Promise<void> {
    const { cookie, keepReason, sparing } = options
    this.#rememberEnd(session, reason, cookie)
    session.isEnding = true
    let successor: string | undefined
    try {
      successor = await this.store.end(session.id, reason, keepReason)
    } catch (error) {
      session.ended = null
      this.recent.forget(session.id, cookie)
      throw error
    } finally {
      session.isEnding = false
    }
    this.#finishEnd(session, reason)
    if (successor !== undefined && successor !== sparing) await this.endById(successor, reason)
  }

  /** Ends the session that one which is over already was exchanged for. */
  async endSuccessor (id: string, reason: EndReason, sparing?: string): Promise<boolean> {
    const successor = await this.store.successorOf(id)
    if (successor === undefined || successor === sparing) return false
    await this.endById(successor, reason)
    return true
  }

  /** Ends a session that may be in use or not, or over already. */
  async endById (id: string, reason: EndReason): Promise<void> {
    const held = this.use(id)
    try {
      await this.inTurn(held, async session => {
        if (session.ended === null) await this.end(session, reason)
      })
    } finally {
      this.release(held)
    }
  }

  /**
   * Puts a successor in the place of a session, in the turn of both. The same as {@link end} in all else.
   * @param admit see {@link GuardedStore.exchange}
   * @returns false when the session had ended: see {@link GuardedStore.exchange}
   */
  async exchange (
    session: KnownSession, successor: KnownSession, data: Session, admit: () => Promise<boolean>
  ): Promise<boolean> {
    if (!await this.store.exchange(session.id, successor.id, data, admit)) {
      this.noticeEnd(session)
      return false
    }
    this.#rememberEnd(session, 'signed-out', undefined).successor = successor.id
    this.#finishEnd(session, 'signed-out')
    return true
  }

  /** The store does not have it any more: somebody ended it. @returns why it is over, as far as this process knows */
  noticeEnd (session: KnownSession, reason: EndReason = 'missing', cookie?: string): EndReason {
    if (session.ended !== null) return session.ended
    this.#rememberEnd(session, reason, cookie)
    this.#reportEnd(session, reason)
    return reason
  }

  /** Has other processes look that session up. The digest is worth nothing to who reads it. */
  notifyOtherProcesses ({ id }: KnownSession): void {
    if (this.busLinks.size === 0) return
    const digest = digestOf(id)
    for (const link of this.busLinks) link.publish(digest)
  }

  receive (message: string): void {
    // A bus may deliver anything, also what no process of this application sent.
    if (typeof message === 'string' && message.startsWith(userPrefix)) this.recheckUser(message.slice(userPrefix.length))
    else this.watched.get(message)?.lookUpWithin(0)
  }

  /** The sessions of a user may be over: each is looked into before it is used again, and those with open connections now. */
  recheckUser (userKey: string): void {
    for (const session of this.#known.values()) {
      if (session.userKey !== userKey) continue
      session.mustRecheckUser = true
      session.watch?.lookUpWithin(0)
    }
  }

  /** A user was signed out everywhere: other processes check the sessions of that user. */
  notifyUserSignedOut (userKey: string): void {
    this.recheckUser(userKey)
    for (const link of this.busLinks) link.publish(userPrefix + userKey)
  }

  /** Lets one operation about a user come after the other. */
  async inTurnOfUser (userKey: string, operation: () => Promise<void>): Promise<void> {
    const turn = (this.#turnsOfUsers.get(userKey) ?? Promise.resolve()).catch(() => {}).then(operation)
    this.#turnsOfUsers.set(userKey, turn)
    try {
      await turn
    } finally {
      if (this.#turnsOfUsers.get(userKey) === turn) this.#turnsOfUsers.delete(userKey)
    }
  }

  lookUpAll (): void {
    for (const watcher of this.watched.values()) watcher.lookUpWithin(Math.random() * spread)
  }

  #rememberEnd (session: KnownSession, reason: EndReason, cookie: string | undefined): ReturnType<RecentEnds['remember']> {
    session.ended = reason
    return this.recent.remember(session.id, reason, cookie)
  }

  #finishEnd (session: KnownSession, reason: EndReason): void {
    this.recordEntries.drop(session.id, session.entries)
    this.#reportEnd(session, reason)
    this.notifyOtherProcesses(session)
  }

  #reportEnd (session: KnownSession, reason: EndReason): void {
    const { record } = session
    // A timeout is explained to the log of its request, with the limits.
    if (!isTimeout(reason) && isDebugged(this.#log)) this.#log.debug(describe(reason, record), 'session ended')
    // A session that is not timed has no end that anyone counts; one with a malformed record has no instants.
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

/** How a session is named where others can read it. */
export function digestOf (id: string): string {
  return entryId(id, 'ended')
}

function describe (reason: EndReason, record: SessionRecord | null): SessionEnd {
  const { startedAt, lastActivity } = record ?? { startedAt: null, lastActivity: null }
  const idleFor = lastActivity === null ? null : Math.max(0, now() - lastActivity)
  return Object.freeze({ reason, startedAt, lastActivity, idleFor })
}
