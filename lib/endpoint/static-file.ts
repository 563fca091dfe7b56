import { createHash } from 'node:crypto'

/** A response that is made once. */
export interface StaticFile {
  readonly body: string
  readonly etag: string
}

export function createStaticFile (body: string): StaticFile {
  return Object.freeze({ body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` })
}
