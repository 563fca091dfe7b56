import type { FastifyRequest } from 'fastify'
import { now } from '../clock.js'
import { asStoreError, ClosingError, endedError, invalidArgument } from '../errors.js'
import type { KnownSession } from './known-session.js'
import { noLimits } from './limits-in-force.js'
import { findSessions, type Registration } from './registration.js'
import type { Sessions } from './sessions.js'
import { userOf } from './signed-out-users.js'
import type { Timing, Visit } from './visit.js'
import { watchOf, type Watch } from './watch.js'
import type { Connection } from './open-connections.js'

/** What stays open, of one registration, no longer than its session. */
export interface Connections {
  signalFor (request: FastifyRequest, visit: Visit | undefined): AbortSignal
  /**
   * The signal of a socket that is no request of Fastify.
   * @throws FST_SESSION_TIMEOUT_INVALID_OPTION for bad arguments, or of an option function
   * @throws FST_SESSION_TIMEOUT_STORE
   */
  watch (registration: Registration, sessionId: unknown, options: unknown): Promise<AbortSignal>
  /** Aborts every signal, as the server is about to close; the sessions live on. */
  close (): void
}

/** What a connection is to be watched for. */
type Watched = Pick<Connection, 'registration' | 'limits' | 'user' | 'visit'> & {
  readonly sessions: Sessions
  readonly session: KnownSession
  /** Calls `leave` once the connection is closed. @returns what stops that */
  readonly onClose: (leave: () => void) => () => void
}

export function createConnections (): Connections {
  const signals = new WeakMap<FastifyRequest, AbortSignal>()
  const open = new Map<Connection, Watch>()
  let isClosing = false
  return { signalFor, watch, close }

  function signalFor (request: FastifyRequest, visit: Visit | undefined): AbortSignal {
    const known = signals.get(request)
    if (known) return known
    const timing = isClosing ? null : visit?.liveTiming(now()) ?? null
    const signal = isClosing
      ? AbortSignal.abort(new ClosingError())
      : timing !== null && isOpen(timing.visit)
        ? connect(ofRequest(timing)).controller.signal
        : AbortSignal.abort(endedError(visit?.ended ?? 'missing'))
    signals.set(request, signal)
    return signal
  }

  async function watch (registration: Registration, sessionId: unknown, options: unknown): Promise<AbortSignal> {
    const { id, until } = readArguments(sessionId, options)
    const sessions = await findSessions(registration)
    const session = sessions.use(id)
    return watchKnown(registration, sessions, session, until)
      .catch(error => { throw asStoreError(error) })
      .finally(() => { sessions.release(session) })
  }

  async function watchKnown (
    registration: Registration, sessions: Sessions, session: KnownSession, until: AbortSignal
  ): Promise<AbortSignal> {
    if (isClosing) return AbortSignal.abort(new ClosingError())
    if (session.ended !== null || until.aborted) return AbortSignal.abort(endedError(session.ended ?? 'missing'))
    const onClose = (leave: () => void): () => void => onAbort(until, leave)
    // Whose it is, and its limits, the watch reads from the session.
    const limits = noLimits
    const connection = connect({ registration, sessions, session, limits, user: undefined, visit: undefined, onClose })
    await watchOf(sessions, session, registration).read(connection)
    const { signal } = connection.controller
    return until.aborted && !signal.aborted ? AbortSignal.abort(endedError('missing')) : signal
  }

  function connect ({ registration, sessions, session, limits, user, visit, onClose }: Watched): Connection {
    const stopListening = onClose(leave)
    const connection: Connection = { registration, limits, user, visit, controller: new AbortController(), release }
    const watch = watchOf(sessions, session, registration)
    open.set(connection, watch)
    watch.add(connection)
    return connection

    function leave (): void {
      release()
      watch.remove(connection)
    }

    function release (): void {
      open.delete(connection)
      stopListening()
    }
  }

  function close (): void {
    isClosing = true
    for (const [connection, watch] of [...open]) {
      connection.release()
      watch.remove(connection)
      // The server waits for what is still open: a stream ends when it hears of this.
      connection.controller.abort(new ClosingError())
    }
  }
}

/** Whether somebody is still there, so that something tells when to let go. */
function isOpen ({ reply: { raw } }: Visit): boolean {
  return !raw.destroyed && !raw.writableFinished
}

function ofRequest ({ visit, session, limits }: Timing): Watched {
  const { registration, request, reply: { raw }, host: { sessions } } = visit
  // After an upgrade the response never finishes: the socket tells.
  const socket = request.headers.upgrade === undefined ? undefined : request.raw.socket
  const user = userOf(registration, request.session)
  return { registration, sessions, session, limits, user, visit, onClose }

  function onClose (leave: () => void): () => void {
    raw.once('close', leave)
    raw.once('finish', leave)
    socket?.once('close', leave)
    return () => {
      raw.removeListener('close', leave)
      raw.removeListener('finish', leave)
      socket?.removeListener('close', leave)
    }
  }
}

function onAbort (until: AbortSignal, leave: () => void): () => void {
  until.addEventListener('abort', leave, { once: true })
  return () => until.removeEventListener('abort', leave)
}

/** A misspelt option would leave the socket watched after it has closed. */
function readArguments (id: unknown, options: unknown): { id: string, until: AbortSignal } {
  if (typeof id !== 'string' || id === '') throw invalidArgument('watch(sessionId)', 'the sessionId of a session', id)
  const { until } = Object(options) as { until?: unknown }
  if (!(until instanceof AbortSignal)) {
    throw invalidArgument('watch(sessionId, { until })', 'an AbortSignal that aborts when the socket closes', until)
  }
  return { id, until }
}
