import type { Session } from 'fastify'
import hostSession, { type SessionStore } from '@fastify/session'
import type { EndReason } from '../../types/reasons.js'
import { now } from '../clock.js'
import { callStore } from './call-store.js'
import { createDoubts } from './doubts.js'
import { entryId, entryOf, markLife, type EntryKind } from './entries.js'
import type { RecentEnds } from './recent-ends.js'
import { expiryOf, type StoredSession } from './stored-session.js'
import { createSweeper } from './sweeper.js'

/** A store that can write over a session only if it is still there. See `SessionStoreWithReplace` in types/. */
type Replace = (id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void) => unknown

/** What an entry says besides its cookie. */
export type Entry = StoredSession & {
  readonly reason?: EndReason
  readonly successor?: string
  readonly isUnstamped?: boolean
}

/**
 * The store, with what it takes that a session ended by one process is not written back by another.
 *
 * `set` is an upsert in every store of this kind, and between reading a session and writing it another process may
 * end it. A store with a `replace` of its own closes that window. For all others, whoever ends a session first writes
 * a short-lived mark and then destroys; whoever writes one looks for the mark afterwards. Whichever way the two
 * overlap, the writer finds the session gone or the mark there. Within this process the memory of recent ends does the
 * same, which is all that the host's own MemoryStore needs.
 *
 * `regenerate()` carries a session on under another id, where an end of the old id would miss it. So whoever exchanges
 * a session first says in an entry by which one, and looks for an end only when the successor is written; whoever ends
 * a session looks for that entry last. Whichever way the two overlap, one of them sees the other.
 */
export interface GuardedStore {
  /** A store that reports ENOENT means "missing", as it does to @fastify/session. */
  get (id: string): Promise<StoredSession | undefined>
  /** Writes without a question: for sessions that were never stored. */
  insert (id: string, session: Session): Promise<void>
  /** Writes a session that was just read. @returns false when it was ended meanwhile, and is not in the store */
  replace (id: string, session: Session): Promise<boolean>
  /**
   * Ends a stored session for every process.
   * @param keepReason until when other processes can be told the reason, epoch ms
   * @returns the id of the session that it was exchanged for, which is to be ended too
   */
  end (id: string, reason: EndReason, keepReason?: number): Promise<string | undefined>
  /**
   * Puts a successor in the place of a session. When it fails, all is as it was.
   * @param admit called once others can find the successor, and before it is stored: whether it may be
   * @returns false when the session was ended meanwhile: the successor may be in the store, and must not keep what it carries
   */
  exchange (id: string, successor: string, session: Session, admit: () => Promise<boolean>): Promise<boolean>
  /** Which session that one was exchanged for within the last minute. */
  successorOf (id: string): Promise<string | undefined>
  /** Why a session ended, in whichever process. */
  reasonOf (id: string): Promise<EndReason | undefined>
  /** Removes a session that no other request can know. */
  discard (id: string): Promise<void>
  /** The same for one whose writes went wrong: they may still land, so it is looked after. */
  abandon (id: string): Promise<void>
  readEntry (id: string, kind: EntryKind): Promise<Entry | undefined>
  writeEntry (id: string, kind: EntryKind, content: object, expiresAt: number): Promise<void>
  /** Writes an entry under an id of its own. */
  put (entry: string, content: object, expiresAt: number): Promise<void>
  /** Removes an entry, now or later: nothing depends on it. */
  dropEntry (id: string, kind: EntryKind): void
}

/** @param complain called with the error of a mark that could not be written: perhaps the store cannot take its id */
export function createGuardedStore (
  store: SessionStore, recent: RecentEnds, complain: (error: unknown) => void
): GuardedStore {
  const atomic = (store as { replace?: Replace }).replace
  const isAtomic = typeof atomic === 'function'
  // The host's own store is a Map in this process: what is read and written there at once, nothing comes between.
  const isPrivate = Object.getPrototypeOf(store) === hostSession.MemoryStore.prototype
  const needsMarks = !isAtomic && !isPrivate
  const doubtfulWrites = createDoubts(id => verify(id).then(ignore, ignore))
  const unmarkedEnds = createDoubts(closeAgain)
  const abandoned = createDoubts(id => discard(id).catch(ignore))
  const sweeper = createSweeper(entry => sweep(entry).catch(ignore))

  return {
    get,
    insert,
    replace: isAtomic ? (id, session) => replaceAtomically(atomic, id, session) : replaceAndVerify,
    end,
    exchange,
    successorOf,
    reasonOf,
    discard,
    abandon,
    readEntry,
    writeEntry,
    put,
    dropEntry (id, kind) { dropNow(id, kind).catch(ignore) }
  }

  async function get (id: string): Promise<StoredSession | undefined> {
    try {
      return await callStore<StoredSession | null>(answer => store.get(id, answer)) ?? undefined
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function insert (id: string, session: Session): Promise<void> {
    try {
      await callStore<void>(answer => store.set(id, session, answer))
    } catch (error) {
      // The answer may be what got lost: the write may still land, after an end.
      if (needsMarks) doubtfulWrites.add(id)
      throw error
    }
  }

  async function discard (id: string): Promise<void> {
    await callStore<void>(answer => store.destroy(id, answer))
  }

  async function abandon (id: string): Promise<void> {
    abandoned.add(id)
    await discard(id).catch(ignore)
  }

  async function replaceAtomically (atomic: Replace, id: string, session: Session): Promise<boolean> {
    return await callStore<boolean>(answer => atomic.call(store, id, session, answer)) === true
  }

  async function replaceAndVerify (id: string, session: Session): Promise<boolean> {
    await insert(id, session)
    try {
      return await verify(id)
    } catch (error) {
      doubtfulWrites.add(id)
      throw error
    }
  }

  /** After a write: whether the session is live. If it was ended meanwhile, it is ended again. */
  async function verify (id: string): Promise<boolean> {
    const isLive = !recent.find(id) && (!needsMarks || await readEntry(id, 'ended') === undefined) && !recent.find(id)
    if (!isLive) await discard(id)
    return isLive
  }

  async function end (id: string, reason: EndReason, keepReason = 0): Promise<string | undefined> {
    const expiresAt = Math.max(keepReason, now() + markLife)
    const isMarked = (needsMarks || keepReason > 0) && await mark(id, reason, expiresAt)
    // A mark that cannot be written must not keep the session alive: then this process looks after it.
    if (needsMarks && !isMarked) unmarkedEnds.add(id)
    try {
      await discard(id)
    } catch (error) {
      if (isMarked) await takeBack(id).catch(ignore)
      throw error
    }
    // Another process may have exchanged it just before.
    return successorOf(id).catch(() => successorOf(id)).catch(() => {
      unmarkedEnds.add(id)
      return undefined
    })
  }

  async function mark (id: string, reason: EndReason, expiresAt: number): Promise<boolean> {
    try {
      await writeEntry(id, 'ended', { reason }, expiresAt)
      return true
    } catch (error) {
      complain(error)
      return false
    }
  }

  /** The session lives on: its mark would end it at its next save. Unless somebody else has ended it. */
  async function takeBack (id: string): Promise<void> {
    if (await get(id) !== undefined) await dropNow(id, 'ended')
  }

  async function closeAgain (id: string): Promise<void> {
    try {
      await discard(id)
      const successor = await successorOf(id)
      if (successor !== undefined) await end(successor, 'missing')
    } catch {
      // It is tried again.
    }
  }

  async function exchange (
    id: string, successor: string, session: Session, admit: () => Promise<boolean>
  ): Promise<boolean> {
    if (!isPrivate) await writeEntry(id, 'successor', { successor }, now() + markLife)
    if (!await admit()) return false
    // The host tries again when it has failed.
    abandoned.remove(successor)
    let isMarked = false
    try {
      await insert(successor, session)
      if (await isEnded(id)) return false
      isMarked = needsMarks && await mark(id, 'signed-out', now() + markLife)
      // Without its mark, a save under way may bring the old one back: only that one is looked after.
      if (needsMarks && !isMarked) abandoned.add(id)
      await discard(id)
      return true
    } catch (error) {
      if (isMarked) await takeBack(id).catch(ignore)
      abandoned.remove(id)
      await abandon(successor)
      throw error
    }
  }

  /** A session that is there may have been brought back by a save that is about to take it out again: the mark tells. */
  async function isEnded (id: string): Promise<boolean> {
    if (!needsMarks) return await get(id) === undefined
    const [session, mark] = await Promise.all([get(id), readEntry(id, 'ended')])
    return session === undefined || mark !== undefined
  }

  async function successorOf (id: string): Promise<string | undefined> {
    const known = recent.find(id)?.successor
    if (known !== undefined || isPrivate) return known
    return (await readEntry(id, 'successor'))?.successor
  }

  async function reasonOf (id: string): Promise<EndReason | undefined> {
    return (await readEntry(id, 'ended'))?.reason
  }

  async function readEntry (id: string, kind: EntryKind): Promise<Entry | undefined> {
    return await get(entryId(id, kind)) as Entry | undefined
  }

  function writeEntry (id: string, kind: EntryKind, content: object, expiresAt: number): Promise<void> {
    return put(entryId(id, kind), content, expiresAt)
  }

  async function put (entry: string, content: object, expiresAt: number): Promise<void> {
    // Before: a write whose answer is lost may have landed.
    sweeper.note(entry, expiresAt)
    await callStore<void>(answer => store.set(entry, entryOf(expiresAt, content), answer))
  }

  async function dropNow (id: string, kind: EntryKind): Promise<void> {
    const entry = entryId(id, kind)
    sweeper.forget(entry)
    await discard(entry)
  }

  async function sweep (entry: string): Promise<void> {
    const found = await get(entry)
    if (found === undefined) return
    const expiresAt = expiryOf(found)
    if (expiresAt !== undefined && expiresAt > now()) sweeper.note(entry, expiresAt)
    else await discard(entry)
  }
}

function isMissing (error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}

function ignore (): undefined {
  return undefined
}
