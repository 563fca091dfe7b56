import { startSessionTimeout, type SessionTimeoutClient, type SessionTimeoutClientOptions } from './index.js'
import { joinTabs } from './tabs.js'

/** Replaced by the server with what it knows of the policy. */
declare const __SESSION_TIMEOUT_CONFIG__: Partial<SessionTimeoutClientOptions>

// Served as <endpoint>/client.js: behind any prefix or proxy, its own address tells where the endpoint is.
const endpoint = new URL('.', import.meta.url).href.slice(0, -1)

/** Where a sign-in ends that was begun from a covered page, in a tab of its own. */
function finishSignIn (): void {
  joinTabs(endpoint, () => {}).post({ type: 'resumed' })
  // Not before the others have it.
  setTimeout(() => window.close(), 100)
}

const resumed = new URL(location.href)
if (resumed.origin + resumed.pathname === `${endpoint}/resumed`) finishSignIn()

/** For scripts of the page: `import { sessionTimeout } from '/session-timeout/client.js'` is this very client. */
export const sessionTimeout: SessionTimeoutClient = startSessionTimeout({ endpoint, ...__SESSION_TIMEOUT_CONFIG__ })
