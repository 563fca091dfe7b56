import session from 'express-session'
import memorystore from 'memorystore'

export const name = 'memorystore'

const MemoryStore = memorystore(session)

export function create () {
  return new MemoryStore({ checkPeriod: 24 * 60 * 60 * 1000 })
}

export function close (store) {
  store.stopInterval()
}

export function expiresAt (store, id) {
  return store.store.dump().find(({ k }) => k === id)?.e
}
