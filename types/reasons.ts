/** Why this plugin ended a session. */
export type TimeoutReason = 'idle' | 'absolute'

/**
 * Why the session of a request does not exist any more: a {@link TimeoutReason}, or `'missing'`. That is one that was
 * signed out or revoked, or that the store does not have and this process does not remember.
 */
export type EndedReason = TimeoutReason | 'missing'

/**
 * How a session ended, on the channel `fastify-session-timeout:end` and in a `SessionEndedError`:
 * - `'idle'`, `'absolute'`: by timeout
 * - `'signed-out'`: by a sign-out (`session.destroy()`, `session.regenerate()`, DELETE)
 * - `'revoked'`: by `app.sessionTimeout.end()` or `endAll()`
 * - `'missing'`: this process found that the store no longer has it
 */
export type EndReason = TimeoutReason | 'signed-out' | 'revoked' | 'missing'
