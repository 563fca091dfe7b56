import * as display from './display/display.js'
import { resolveEndpoint } from './endpoint.js'
import { startAt } from './start.js'
import type { SessionTimeoutClient, SessionTimeoutClientOptions } from './types.js'

export type * from './types.js'

/**
 * Starts the client: it warns before the session ends, extends it while the user works, and covers the page at the end.
 * Starting it again for the same endpoint returns the existing client.
 * @throws TypeError if `endpoint` is neither a path that begins with a slash nor a URL
 */
export function startSessionTimeout (options: SessionTimeoutClientOptions): SessionTimeoutClient {
  // In one file: after a deployment, a page that is open could no longer load another part.
  return startAt(resolveEndpoint(options?.endpoint), options, async () => display)
}
