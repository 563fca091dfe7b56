import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

/** Texts of the browser client in one language, as they are served. */
export interface LanguageFile {
  readonly body: string
  readonly etag: string
}

/** By language, such as `de`: no page loads more than the one that it speaks. */
export function readLanguageFiles (): ReadonlyMap<string, LanguageFile> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('fastify-session-timeout/client/standalone.js')), 'languages')
  return new Map(readdirSync(folder).map(name => {
    const body = readFileSync(join(folder, name), 'utf8')
    return [basename(name, '.json'), { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` }]
  }))
}
