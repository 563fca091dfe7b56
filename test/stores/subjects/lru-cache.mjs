import { LRUCache } from 'lru-cache'

export const name = 'lru-cache'

export function create () {
  const cache = new LRUCache({ max: 10_000 })
  return {
    cache,
    get: (id, callback) => callback(null, JSON.parse(cache.get(id) ?? 'null')),
    set (id, session, callback) {
      cache.set(id, JSON.stringify(session), { ttl: session.cookie.maxAge })
      callback(null)
    },
    destroy (id, callback) {
      cache.delete(id)
      callback(null)
    }
  }
}

export function expiresAt ({ cache }, id) {
  const left = cache.getRemainingTTL(id)
  return left === 0 ? undefined : left === Infinity ? null : Date.now() + left
}
