import { now } from '../clock.js'

/** What caches that many users share may do with a response. */
export type Sharing =
  /** Nothing without asking the server first. */
  | 'no'
  /** RFC 9111 allows them to keep it: it says how long it is fresh, and not that it is private. */
  | 'allowed'
  /** The application asks for it. */
  | 'asked'

/** @param header reads a header of the response */
export function sharingOf (header: (name: string) => unknown): Sharing {
  const directives = directivesIn(header('cache-control'))
  if (directives.has('public') || directives.has('s-maxage')) return 'asked'
  if (['private', 'no-store', 'no-cache'].some(name => directives.has(name))) return 'no'
  const maxAge = directives.get('max-age')
  // Where there is a max-age, Expires is not looked at.
  const isFresh = maxAge === undefined ? Date.parse(String(header('expires'))) > now() : Number(maxAge) > 0
  return isFresh ? 'allowed' : 'no'
}

function directivesIn (control: unknown): Map<string, string> {
  const directives = new Map<string, string>()
  if (control === undefined) return directives
  for (const part of String(control).toLowerCase().split(/[,\s]+/)) {
    const [name = '', value = ''] = part.split('=')
    directives.set(name, value.replaceAll('"', ''))
  }
  return directives
}
