import type { Session } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { askStore, callStore } from './call-store.js'
import { minute, now } from './clock.js'
import type { RecentEnds } from './recent-ends.js'
import type { StoredSession } from './record.js'

export type Callback = (error?: unknown) => void
type Found = (error: unknown, session?: StoredSession | null) => void

/** How long a mark outlives the session it stands for: longer than any write can be under way. */
const markLife = minute

/**
 * The store, with what it takes that a session ended by one process is not written back by another.
 *
 * `set` is an upsert in every store of this kind, and between reading a session and writing it another
 * process may end it. So who ends a session first writes a short-lived mark and then destroys; who writes
 * one reads it before and looks for the mark after. Whichever way the two overlap, the writer finds the
 * session gone or the mark there. Within this process the memory of recent ends does the same.
 * A store that answers at once (MemoryStore) belongs to this process alone and needs no marks.
 */
export interface GuardedStore {
  /** A store that reports ENOENT means "missing", as it does to @fastify/session. */
  get (id: string, callback: Found): void
  /** Writes without a question: for sessions that were never stored. */
  set (id: string, session: Session, callback: Callback): void
  /** Ends a stored session for every process. */
  end (id: string, callback: Callback): void
  /** Takes out a session that nobody else can know. */
  discard (id: string, callback: Callback): void
  /** After a write: tells whether the session was ended meanwhile, and if so ends it again. */
  verify (id: string, callback: (error: unknown, live?: boolean) => void): void
}

export function createGuardedStore (store: SessionStore, recent: RecentEnds): GuardedStore {
  /** Whether the store answers before its method returns; unknown until it was asked. */
  let synchronous: boolean | undefined

  return { get, set, end, discard, verify }

  function get (id: string, callback: Found): void {
    let returned = false
    callStore<StoredSession | null>(answer => store.get(id, answer), (error, session) => {
      synchronous ??= !returned
      if (isMissing(error)) callback(null)
      else callback(error, session)
    })
    returned = true
  }

  function set (id: string, session: Session, callback: Callback): void {
    callStore<void>(answer => store.set(id, session, answer), callback)
  }

  function end (id: string, callback: Callback): void {
    if (synchronous === undefined) return get(id, () => end(id, callback))
    if (synchronous) return discard(id, callback)
    // A mark that cannot be written must not keep the session alive.
    set(markOf(id), markSession(), () => discard(id, callback))
  }

  function discard (id: string, callback: Callback): void {
    callStore<void>(answer => store.destroy(id, answer), callback)
  }

  function verify (id: string, callback: (error: unknown, live?: boolean) => void): void {
    if (recent.has(id)) return undo()
    if (synchronous) return callback(null, true)
    get(markOf(id), (error, mark) => {
      if (error) return callback(error)
      if (!mark && !recent.has(id)) return callback(null, true)
      undo()
    })

    function undo (): void {
      discard(id, error => callback(error, false))
    }
  }
}

/** The same as a promise. */
export async function readStored (store: GuardedStore, id: string): Promise<StoredSession | undefined> {
  return await askStore<StoredSession | null>(answer => store.get(id, answer)) ?? undefined
}

/** No session id, and nothing that a client could put into a signed cookie. */
function markOf (id: string): string {
  return `ended:${id}`
}

function markSession (): Session {
  return { cookie: { originalMaxAge: markLife, maxAge: markLife, expires: new Date(now() + markLife), httpOnly: true, path: '/' } }
}

function isMissing (error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
