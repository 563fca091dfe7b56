import { createHash, randomBytes } from 'node:crypto'
import type { KnownSession } from '../session/known-session.js'
import type { Timing, Visit } from '../session/visit.js'
import { unsign } from '../store/host-session.js'

/*
 * A page belongs to a user. It is told so by a tag: a nonce, and a digest of the nonce and the user, signed with the
 * host's own signer. Every process can verify it, and needs no memory for that; no two tags are alike; and nobody
 * gets from a tag to the user.
 */

const nonceLength = 16

/** A tag for a page of the user of this session. Letters, digits and `-_=+/.~` only. */
export function createPageTag ({ visit, session }: Pick<Timing, 'visit' | 'session'>): string {
  const nonce = randomBytes(12).toString('base64url')
  const digest = digestOf(nonce, ownerOf(visit, session))
  const signed = visit.host.slots.signer.sign(digest)
  // The digest itself is needed by nobody, where the signature stands behind it.
  const seal = signed.startsWith(digest) ? signed.slice(digest.length) : signed
  return nonce + Buffer.from(seal).toString('base64url')
}

/** Whether a page with this tag belongs to the user of this session. */
export function isPageOf ({ visit, session }: Pick<Timing, 'visit' | 'session'>, tag: string): boolean {
  const nonce = tag.slice(0, nonceLength)
  const seal = Buffer.from(tag.slice(nonceLength), 'base64url').toString()
  const digest = digestOf(nonce, ownerOf(visit, session))
  return [digest + seal, seal].some(sealed => unsign(visit.host.slots, sealed) === digest)
}

function digestOf (nonce: string, owner: string): string {
  return createHash('sha256').update(`${nonce}:${owner}`).digest('base64url')
}

/** Without the option `user`, the session takes the user's place. */
function ownerOf (visit: Visit, session: KnownSession): string {
  const user = visit.registration.settings.user(visit.request.session)
  return user === null ? `session:${session.id}` : `user:${user}`
}
