import { createHash } from 'node:crypto'
import type { Session } from 'fastify'
import { minute, now } from '../clock.js'

/** How long a mark stands for an ended session: longer than any write can be under way. */
export const markLife = minute

const alphabets: ReadonlyArray<readonly [ids: RegExp, alphabet: string]> = [
  [/^[\da-f-]+$/, '0123456789abcdef'],
  [/^[\dA-F-]+$/, '0123456789ABCDEF'],
  [/^[\da-z-]+$/, '0123456789abcdefghijklmnopqrstuv']
]

// A shorter id has so few neighbours that one of them may be somebody's session.
const shortest = 32

/**
 * The id under which the end of a session is marked: a digest, in the length and the alphabet of the session's own id,
 * so that it fits wherever that did, be it a column of UUIDs. It is nothing that a client could put into a signed cookie.
 */
export function markOf (id: string): string {
  const digest = createHash('sha512').update(`ended:${id}`).digest()
  const alphabet = id.length < shortest ? undefined : alphabets.find(([ids]) => ids.test(id))?.[1]
  if (alphabet === undefined) return digest.toString('base64url').slice(0, 32)
  let at = 0
  return id.replace(/[^-]/g, () => alphabet[digest[at++ % digest.length]! % alphabet.length]!)
}

/** What is stored under it. */
export function markSession (): Session {
  return {
    cookie: { originalMaxAge: markLife, maxAge: markLife, expires: new Date(now() + markLife), httpOnly: true, path: '/' }
  }
}
