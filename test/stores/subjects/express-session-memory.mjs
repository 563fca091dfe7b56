import session from 'express-session'

export const name = 'express-session\'s MemoryStore'

export function create () {
  return new session.MemoryStore()
}

/** It reads `cookie.expires`, and takes a session out when it is asked for after that. */
export function expiresAt (store, id) {
  const json = store.sessions[id]
  if (json === undefined) return undefined
  const { expires } = JSON.parse(json).cookie
  return expires ? Date.parse(expires) : null
}
