import { randomBytes } from 'node:crypto'
import { entryIdOfUser } from './entries.js'
import type { GuardedStore } from './guarded-store.js'

/*
 * A user who is signed out everywhere leaves one entry, so that nobody needs a list of sessions.
 *
 * Each such sign-out has a name of its own, its generation. A session takes the name of the latest one with it when its
 * user signs in, and keeps it, also through `regenerate()`: it is over when the entry has another one. No clock decides
 * that, so that clocks of processes which differ let no session survive.
 */

/** That a user was signed out everywhere. */
export interface UserEnd {
  readonly generation: string
  /** When, epoch ms, by the clock of the process that did it. */
  readonly at: number
  /** The sessions that it spares, by their digests. */
  readonly spared: readonly string[]
  /** When the entry may be forgotten, epoch ms. */
  readonly expiresAt: number
}

/** The latest sign-out everywhere of each user, as the store has it. */
export interface UserEnds {
  /**
   * How a user is named where others can read it.
   * @param user as the option `user` was read
   */
  keyOf (user: string): string
  read (user: string): Promise<UserEnd | undefined>
  write (user: string, end: UserEnd): Promise<void>
  /** The name of a new one. */
  nextGeneration (): string
  /** Whether it was this process that signed the user out. */
  isOurs (end: UserEnd): boolean
}

/** @param like an id as the application makes them for its sessions */
export function createUserEnds (store: GuardedStore, like: string): UserEnds {
  const process = randomBytes(9).toString('base64url')
  let count = 0
  return {
    keyOf,
    async read (user) {
      const entry = await store.get(keyOf(user)) as Partial<UserEnd> & { cookie?: { expires?: string } } | undefined
      if (entry === undefined) return undefined
      // What cannot be read ends every session.
      const { generation, at, spared, cookie } = entry
      return {
        generation: String(generation),
        at: Number(at),
        spared: Array.isArray(spared) ? spared : [],
        expiresAt: Number(new Date(cookie?.expires ?? NaN)) || 0
      }
    },
    write: (user, { expiresAt, ...end }) => store.put(keyOf(user), end, expiresAt),
    nextGeneration: () => `${process}.${(count++).toString(36)}`,
    isOurs: ({ generation }) => generation.startsWith(`${process}.`)
  }

  /** The number 1 and the text '1' are one user here: a session that has the one is not to escape the other. */
  function keyOf (user: string): string {
    return entryIdOfUser(user.slice(user.indexOf(':') + 1), like)
  }
}
