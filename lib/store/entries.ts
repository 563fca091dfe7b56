import { createHash } from 'node:crypto'
import type { Session } from 'fastify'
import { minute, now } from '../clock.js'

/*
 * What the plugin keeps in the store of the application beside the sessions: small entries about one session each,
 * under ids that follow from the session's. Nobody else writes them, so that they can be written without reading
 * the session, and the session without reading them.
 */

/** How long a request can be under way with what it knows: entries about an end stand that long at least. */
export const markLife = minute

/**
 * - `ended`: the session is over, and why
 * - `successor`: it was exchanged for another one by `regenerate()`
 * - `activity`, `start`: its record, see {@link RecordEntries}
 */
export type EntryKind = 'ended' | 'successor' | 'activity' | 'start' | `warned:${number}`

const alphabets: ReadonlyArray<readonly [ids: RegExp, alphabet: string]> = [
  [/^[\da-f-]+$/, '0123456789abcdef'],
  [/^[\dA-F-]+$/, '0123456789ABCDEF'],
  [/^[\da-z-]+$/, '0123456789abcdefghijklmnopqrstuv']
]

// A shorter id has so few neighbours that one of them may be a session.
const shortest = 32

/**
 * The id of an entry: a digest, in the length and the alphabet of the session's own id, so that it fits wherever that
 * did, be it a column of UUIDs. No client can put it into a signed cookie.
 */
export function entryId (id: string, kind: EntryKind): string {
  const digest = createHash('sha512').update(`${kind}:${id}`).digest()
  const alphabet = id.length < shortest ? undefined : alphabets.find(([ids]) => ids.test(id))?.[1]
  if (alphabet === undefined) return digest.toString('base64url').slice(0, 32)
  let at = 0
  return id.replace(/[^-]/g, () => alphabet.charAt(digest.readUInt8(at++ % digest.length) % alphabet.length))
}

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * The id of an entry about a user. It is the same whichever session it is looked for with, and in every process, so that
 * it follows from the kind of ids that the application makes, and from no single one.
 * @param like an id as the application makes them
 */
export function entryIdOfUser (user: string, like: string): string {
  const digest = createHash('sha512').update(`user:${user}`).digest()
  const hex = digest.toString('hex')
  if (uuid.test(like)) return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
  return like.length >= shortest && /^[\da-f]+$/i.test(like) ? hex.slice(0, 32) : digest.toString('base64url').slice(0, 32)
}

/** An entry as stores take it: a session with an expiry in every form that stores read, and nothing of a user. */
export function entryOf (expiresAt: number, content: object): Session {
  const life = expiresAt - now()
  return {
    cookie: { originalMaxAge: life, maxAge: life, expires: new Date(expiresAt), httpOnly: true, path: '/' },
    ...content
  } as Session
}
