import * as display from './display/display.js'
import { resolveEndpoint } from './endpoint.js'
import { startAt } from './start.js'
import type { SessionTimeoutClient, SessionTimeoutClientOptions } from './types.js'

export type * from './types.js'

/**
 * Watches the session of this page: warns in time, keeps it while the user works, covers the page when it has ended.
 * Started again for the same endpoint, it gives the client that runs.
 * @throws TypeError for an endpoint that is none
 */
export function startSessionTimeout (options: SessionTimeoutClientOptions): SessionTimeoutClient {
  // In one piece: in an application that is deployed anew, pieces of the old one cannot be had any more.
  return startAt(resolveEndpoint(options?.endpoint), options, async () => display)
}
