import type { LoadDisplay } from './display/loading.js'
import { joinTabs } from './session/tabs.js'
import { startAt } from './start.js'
import type { ClientSettings, SessionTimeoutClient } from './types.js'

/** Replaced by the server with what it knows of the policy. */
declare const __SESSION_TIMEOUT_CONFIG__: ClientSettings

// Served as <endpoint>/client.js: behind any prefix or proxy, its own address tells where the endpoint is.
const endpoint = new URL(import.meta.url.replace(/\/[^/]*$/, ''))

/** Where a sign-in ends that was begun from a covered page, in a tab of its own. */
function finishSignIn (): void {
  joinTabs(endpoint.href, () => {}).post({ type: 'resumed' })
  // Not before the others have it.
  setTimeout(() => window.close(), 100)
}

if (location.pathname === `${endpoint.pathname}/resumed`) finishSignIn()

/** Beside this file. Browsers remember by its address that a module could not be loaded, so each attempt has its own. */
const loadDisplay: LoadDisplay = attempt => {
  const address = `./display.js#${attempt}`
  return import(address)
}

/** For scripts of the page: `import { sessionTimeout } from '/session-timeout/client.js'` is this very client. */
export const sessionTimeout: SessionTimeoutClient = startAt(endpoint, __SESSION_TIMEOUT_CONFIG__, loadDisplay)
