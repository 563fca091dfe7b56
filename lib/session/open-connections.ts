import type { FastifyRequest } from 'fastify'
import { endedError } from '../errors.js'
import { endOf, type Limits, type SessionRecord } from '../policy.js'
import type { StoredSession } from '../store/stored-session.js'
import type { EndReason } from '../../types/reasons.js'
import { LimitsInForce } from './limits-in-force.js'
import type { Registration } from './registration.js'
import { userOf } from './signed-out-users.js'
import type { Visit } from './visit.js'

/** What stays open no longer than its session. */
export interface Connection {
  readonly registration: Registration
  /** Of a socket without a request, those of the session as it was last read: none before that. */
  limits: Limits
  /** Who was signed in when it was opened; null where nobody can tell; undefined before the session was read. */
  user: string | null | undefined
  readonly controller: AbortController
  /** Undefined for a socket that is no request of Fastify. */
  readonly visit: Visit | undefined
  release (): void
}

/** One that has a request, which can end the session, and with which onTimeout can be called. */
export type RequestConnection = Connection & { readonly visit: Visit }

/** Who waits for the first look at the session of a socket. */
interface Waiting {
  resolve (): void
  reject (error: unknown): void
}

/** The open connections of one session, each with limits of its own. */
export class OpenConnections {
  readonly #connections = new Set<Connection>()
  readonly #limits = new LimitsInForce()
  readonly #waiting = new Map<Connection, Waiting>()

  get isEmpty (): boolean {
    return this.#connections.size === 0
  }

  /** The strictest of all. */
  get limits (): Limits {
    return this.#limits.strictest
  }

  /** Each once. */
  get registrations (): ReadonlySet<Registration> {
    return new Set(Array.from(this.#connections, ({ registration }) => registration))
  }

  /** The sockets whose session has not been read yet. */
  get waiting (): readonly Connection[] {
    return [...this.#waiting.keys()]
  }

  add (connection: Connection): void {
    this.#connections.add(connection)
    this.#limits.add(connection.limits)
  }

  /** Resolves once {@link read}, rejects once {@link refuse} was called for it, and resolves when it is closed before that. */
  waitFor (connection: Connection): Promise<void> {
    return new Promise((resolve, reject) => { this.#waiting.set(connection, { resolve, reject }) })
  }

  remove (connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    this.#limits.remove(connection.limits)
    this.stopWaiting(connection)
  }

  close (connection: Connection, reason: EndReason): void {
    connection.release()
    connection.controller.abort(endedError(reason))
    this.remove(connection)
  }

  closeAll (reason: EndReason): void {
    for (const connection of [...this.#connections]) this.close(connection, reason)
  }

  /** Each by its own limits: for a laxer one the session goes on. */
  closeOverdue (record: SessionRecord, at: number): void {
    for (const connection of [...this.#connections]) {
      const reason = endOf(record, connection.limits, at)
      if (reason !== null) this.close(connection, reason)
    }
  }

  closeOfOtherUsers (stored: StoredSession): void {
    for (const connection of [...this.#connections]) {
      const { user, registration } = connection
      if (user !== undefined && user !== userOf(registration, stored)) this.close(connection, 'missing')
    }
  }

  /**
   * Gives sockets without a request what the session says of them: its user, and the limits.
   * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
   */
  read (stored: StoredSession): void {
    for (const connection of [...this.#connections]) {
      const { registration, registration: { settings }, visit } = connection
      if (visit !== undefined) continue
      connection.user ??= userOf(registration, stored)
      // A visitor's, or what is no session, but an entry of the plugin.
      if (connection.user === null && settings.knowsUsers && !settings.mayContradict) {
        this.close(connection, 'missing')
        continue
      }
      // A limit that is a function gets the session alone: there is no request.
      const limits = settings.limits({ session: stored } as unknown as FastifyRequest)
      this.#limits.add(limits)
      this.#limits.remove(connection.limits)
      connection.limits = limits
    }
  }

  stopWaiting (connection: Connection): void {
    this.#waiting.get(connection)?.resolve()
    this.#waiting.delete(connection)
  }

  refuse (connection: Connection, error: unknown): void {
    this.#waiting.get(connection)?.reject(error)
    connection.release()
    this.remove(connection)
  }

  get anyRequest (): RequestConnection | undefined {
    return this.#findRequest(() => true)
  }

  /** One that is over by its own limits. */
  overdueRequest (record: SessionRecord | null, at: number): RequestConnection | undefined {
    return this.#findRequest(({ limits }) => record === null || endOf(record, limits, at) !== null)
  }

  #findRequest (matches: (connection: Connection) => boolean): RequestConnection | undefined {
    for (const connection of this.#connections) if (hasVisit(connection) && matches(connection)) return connection
    return undefined
  }
}

function hasVisit (connection: Connection): connection is RequestConnection {
  return connection.visit !== undefined
}
