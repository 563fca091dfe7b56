/**
 * Tells whether a browser that is sent to `value` stays on this site: a path that begins with a single slash
 * and holds nothing that URL parsers drop or turn into a slash (backslashes, control characters, spaces).
 */
export function isReturnPath (value: unknown): value is string {
  return typeof value === 'string' && /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(value)
}

/**
 * The return path that a sign-in form may follow, for the value that came back in `returnTo`.
 * It refuses other sites in every disguise: `https://evil.example`, `//evil.example`, `/\evil.example`,
 * control characters, and the same percent-encoded where a second decoding would bring them back.
 * @param value what the client sent, of any type
 * @param fallback used instead of a value that is not safe @default '/'
 */
export function safeReturnPath (value: unknown, fallback = '/'): string {
  if (!isReturnPath(value) || value.length > 2048) return fallback
  // Without dot segments, as browsers and routers read it: `/.//evil.example` is `//evil.example` then.
  const { pathname } = new URL(value, 'http://localhost')
  // A proxy or router that decodes once more must not find a host either.
  return /^\/(?:\/|%2f|%5c|%25|%0|%1)/i.test(pathname) ? fallback : value
}
