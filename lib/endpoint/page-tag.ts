import { createHash, randomBytes } from 'node:crypto'

/** What the host signs its cookies with: all processes share it, whatever it is made of. */
export interface Signer {
  sign (value: string): string
  unsign (value: string): { valid: boolean, value: string | null }
}

const nonceLength = 16

/**
 * A new tag for a page of this user: a nonce and the host's own signature of both.
 * The signed text itself is left out where it can be, so that nobody can try user names against the tag.
 */
export function issuePageTag (signer: Signer, user: string): string {
  const nonce = randomBytes(nonceLength * 3 / 4).toString('base64url')
  const payload = payloadFor(nonce, user)
  const signed = signer.sign(payload)
  const kept = signed.startsWith(payload) ? signed.slice(payload.length) : signed
  // Whatever a signer of the application makes of it, it must fit into a header and an address.
  return nonce + Buffer.from(kept).toString('base64url')
}

/** Whether a page with this tag was made for this user. A tag that nobody issued was made for no one. */
export function isPageOf (signer: Signer, tag: string, user: string): boolean {
  const payload = payloadFor(tag.slice(0, nonceLength), user)
  const kept = Buffer.from(tag.slice(nonceLength), 'base64url').toString()
  // A signer that keeps the text readable, or one that does not.
  return [payload + kept, kept].some(signed => {
    try {
      const { valid, value } = signer.unsign(signed)
      return valid && value === payload
    } catch {
      return false
    }
  })
}

function payloadFor (nonce: string, user: string): string {
  return createHash('sha256').update(nonce + user).digest('base64url')
}
