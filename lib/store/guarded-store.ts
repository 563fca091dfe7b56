import type { Session } from 'fastify'
import hostSession, { type SessionStore } from '@fastify/session'
import { askStore, callStore } from './call-store.js'
import { createDoubts } from './doubts.js'
import { markLife, markOf, markSession } from './marks.js'
import type { RecentEnds } from './recent-ends.js'
import type { StoredSession } from './stored-session.js'

export type Callback = (error?: unknown) => void
type Found = (error: unknown, session?: StoredSession | null) => void

/** A store that can write over a session only if it is still there. See `SessionStoreWithReplace` in types/. */
type Replace = (id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void) => unknown

/** How many marks are swept away at once: bounded memory, whatever the load. */
const mostMarksKept = 10_000

/**
 * The store, with what it takes that a session ended by one process is not written back by another.
 *
 * `set` is an upsert in every store of this kind, and between reading a session and writing it another process may
 * end it. A store with a `replace` of its own closes that window by itself. For all others, who ends a session first
 * writes a short-lived mark and then destroys; who writes one reads it before and looks for the mark after. Whichever
 * way the two overlap, the writer finds the session gone or the mark there. Within this process the memory of recent
 * ends does the same, which is all that the host's own MemoryStore needs.
 */
export interface GuardedStore {
  /** A store that reports ENOENT means "missing", as it does to @fastify/session. */
  get (id: string, callback: Found): void
  /** Writes without a question: for sessions that were never stored. */
  set (id: string, session: Session, callback: Callback): void
  /** Writes a session that was just read. Not live: it was ended meanwhile, and is not in the store. */
  replace (id: string, session: Session, callback: (error: unknown, live?: boolean) => void): void
  /** Ends a stored session for every process. */
  end (id: string, callback: Callback): void
  /** Takes out a session that nobody else can know. */
  discard (id: string, callback: Callback): void
}

/** @param complain told of a mark that could not be written, which happens when the store cannot take its id */
export function createGuardedStore (
  store: SessionStore, recent: RecentEnds, complain: (error: unknown) => void
): GuardedStore {
  const atomic = (store as { replace?: Replace }).replace
  // The host's own store is a Map in this process: what is read and written there at once, nobody comes between.
  const isPrivate = Object.getPrototypeOf(store) === hostSession.MemoryStore.prototype
  const needsMarks = typeof atomic !== 'function' && !isPrivate
  let marksKept = 0
  const doubts = createDoubts((id, callback) => verify(id, () => callback()))

  return { get, set, replace: typeof atomic === 'function' ? replaceAtomically : replaceAndVerify, end, discard }

  function get (id: string, callback: Found): void {
    callStore<StoredSession | null>(answer => store.get(id, answer), (error, session) => {
      if (isMissing(error)) callback(null)
      else callback(error, session)
    })
  }

  function set (id: string, session: Session, callback: Callback): void {
    callStore<void>(answer => store.set(id, session, answer), error => {
      // The answer may be what got lost: the write may still land, after an end.
      if (error && needsMarks) doubts.add(id)
      callback(error)
    })
  }

  function end (id: string, callback: Callback): void {
    if (!needsMarks) return discard(id, callback)
    const mark = markOf(id)
    callStore<void>(answer => store.set(mark, markSession(), answer), error => {
      // A mark that cannot be written must not keep the session alive.
      if (error) complain(error)
      else sweepLater(mark)
      discard(id, callback)
    })
  }

  /** A store without a clean-up of its own would keep it for ever, and list it among the sessions. */
  function sweepLater (mark: string): void {
    if (marksKept >= mostMarksKept) return
    marksKept++
    setTimeout(() => {
      marksKept--
      discard(mark, () => {})
    }, markLife).unref()
  }

  function discard (id: string, callback: Callback): void {
    callStore<void>(answer => store.destroy(id, answer), callback)
  }

  function replaceAtomically (id: string, session: Session, callback: (error: unknown, live?: boolean) => void): void {
    callStore<boolean>(answer => atomic!.call(store, id, session, answer), callback)
  }

  function replaceAndVerify (id: string, session: Session, callback: (error: unknown, live?: boolean) => void): void {
    set(id, session, error => {
      if (error) return callback(error)
      verify(id, (error, live) => {
        if (error) doubts.add(id)
        callback(error, live)
      })
    })
  }

  /** After a write: whether the session was ended meanwhile; then it is ended again. */
  function verify (id: string, callback: (error: unknown, live?: boolean) => void): void {
    if (recent.find(id)) return undo()
    if (!needsMarks) return callback(null, true)
    get(markOf(id), (error, mark) => {
      if (error) return callback(error)
      if (!mark && !recent.find(id)) return callback(null, true)
      undo()
    })

    function undo (): void {
      discard(id, error => callback(error, false))
    }
  }
}

/** Reads a session, as a promise. */
export async function readStored (store: GuardedStore, id: string): Promise<StoredSession | undefined> {
  return await askStore<StoredSession | null>(answer => store.get(id, answer)) ?? undefined
}

function isMissing (error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
