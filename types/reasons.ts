/** Why a session was ended by this plugin. */
export type TimeoutReason = 'idle' | 'absolute'

/**
 * Why the session that a request came with is not there:
 * a {@link TimeoutReason}, or `'missing'` when it was signed out, or when the store does not know it
 * and neither does this process.
 */
export type EndedReason = TimeoutReason | 'missing'

/**
 * How a session came to its end, as the channel `fastify-session-timeout:end` tells it:
 * by a timeout; by a sign-out (`session.destroy()`, `session.regenerate()`, DELETE); by `app.sessionTimeout.end()`;
 * `'missing'` when this process found it gone from the store.
 */
export type EndReason = TimeoutReason | 'signed-out' | 'revoked' | 'missing'
