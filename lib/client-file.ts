import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Settings } from './options.js'

/** The browser client as it is served: built once, at registration. */
export interface ClientFile {
  readonly body: string
  readonly etag: string
}

/** Reads the built client and tells it the policy. Relative times only: nothing in it depends on the request. */
export function buildClientFile (settings: Settings): ClientFile {
  // By the package's own name: the same from the sources and from the build.
  const path = createRequire(import.meta.url).resolve('fastify-session-timeout/client/standalone.js')
  const { afterTimeout, touchInterval, summary } = settings
  const config = {
    // An idle limit that differs by request is not known here; the client then finds out by itself.
    ...(typeof summary.idleTimeout === 'number' ? { touchInterval: touchInterval(summary.idleTimeout) } : {}),
    ...(typeof afterTimeout === 'object' ? afterTimeout : {})
  }
  const body = readFileSync(path, 'utf8').replace('__SESSION_TIMEOUT_CONFIG__', () => JSON.stringify(config))
  return Object.freeze({ body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` })
}
