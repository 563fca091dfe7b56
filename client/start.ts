import { createClient, type CreatedClient } from './client.js'
import type { LoadDisplay } from './display/loading.js'
import { findMissingFeatures } from './page/required-features.js'
import { createCall } from './session/server.js'
import type { ClientSettings, SessionTimeoutClient } from './types.js'

/** By endpoint, whichever copies of this module a page has loaded. */
const registry = Symbol.for('fastify-session-timeout')

type Clients = Map<string, CreatedClient>

/** Started again for the same endpoint, it gives the client that runs. */
export function startAt (endpoint: URL, options: ClientSettings, loadDisplay: LoadDisplay): SessionTimeoutClient {
  const missing = findMissingFeatures()
  if (missing.length > 0) {
    console.warn(`session-timeout: nobody is warned, this browser lacks ${missing.join(', ')}`)
    return createBareClient(endpoint)
  }
  const clients = (globalThis as { [registry]?: Clients })[registry] ??= new Map<string, CreatedClient>()
  const old = clients.get(endpoint.href)
  if (old && old.client.state !== 'stopped') return old.client
  // A page that was covered when its client was stopped stays so until the new one knows better.
  const created = createClient(options, endpoint, loadDisplay, old?.release() ?? false)
  clients.set(endpoint.href, created)
  return created.client
}

/** Signs out and extends; what needs more is left to the server. */
function createBareClient (endpoint: URL): SessionTimeoutClient {
  const call = createCall(endpoint.href)
  return {
    remaining: null,
    state: 'stopped',
    canExtend: false,
    extend: async () => !!(await call('POST', null)).status?.active,
    end: async () => (await call('DELETE', null)).code === 204,
    stop () {}
  }
}
