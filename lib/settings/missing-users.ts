import type { Session } from 'fastify'
import type { ReadUser } from './option-functions.js'

/** After how many sessions that hold data, and never a user, something is said. */
const enough = 48

/** A visitor's data may have many names. */
const maxKeys = 20

/**
 * A `user` that reads what no session has signs nobody out, and says nothing: after some dozens of sessions with data
 * and never a user, one warning names the keys that were there, never their values.
 */
export function warnOfMissingUsers (user: ReadUser, warn: (text: string) => void): ReadUser {
  const ids = new Set<string>()
  const keys = new Set<string>()
  let isSettled = false
  return function readUser (session) {
    const found = user(session)
    if (!isSettled) watch(session, found)
    return found
  }

  function watch (session: Session & { sessionId?: string }, found: string | null): void {
    const { sessionId } = session
    // Plain data that a store gave back: its request is looked at as well.
    if (sessionId === undefined) return
    const own = Object.keys(session).filter(key => key !== 'cookie' && key !== 'sessionTimeout')
    if (found === null && own.length === 0) return
    if (found === null) {
      ids.add(sessionId)
      for (const key of own) if (keys.size < maxKeys) keys.add(key)
      if (ids.size < enough) return
      warn(`user has found nobody in ${enough} sessions that hold data, so that none of them is timed. ` +
        `The keys in them: ${[...keys].join(', ')}. Does user read the key that the sign-in writes?`)
    }
    isSettled = true
    ids.clear()
  }
}
