import { startSessionTimeout, type SessionTimeoutClientOptions } from './index.js'

/** Replaced by the server with what it knows of the policy. */
declare const __SESSION_TIMEOUT_CONFIG__: Partial<SessionTimeoutClientOptions>

/** For scripts of the page: `import { sessionTimeout } from '/session-timeout/client.js'` is this very client. */
// Served as <endpoint>/client.js: behind any prefix or proxy, its own address tells where the endpoint is.
export const sessionTimeout = startSessionTimeout({ endpoint: new URL('.', import.meta.url).pathname.slice(0, -1), ...__SESSION_TIMEOUT_CONFIG__ })
