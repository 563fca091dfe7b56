import session from '@fastify/session'

export const name = '@fastify/session MemoryStore'

export function create () {
  return new session.MemoryStore()
}

export function expiresAt (store, id) {
  return store.store.has(id) ? null : undefined
}
