import { RedisStore } from 'connect-redis-8'
import { withRedisReplace } from 'fastify-session-timeout/stores'
import { Redis } from 'ioredis'

export const name = 'connect-redis 8 with ioredis'

const clients = new WeakMap()

export async function create () {
  const options = { enableOfflineQueue: false, lazyConnect: true, retryStrategy: () => 50 }
  const client = new Redis(process.env.STORE_URL, options)
  client.on('error', () => {})
  await client.connect()
  const store = withRedisReplace(new RedisStore({ client }), client)
  clients.set(store, client)
  return store
}

export function close (store) {
  clients.get(store).disconnect()
}

export async function expiresAt (store, id) {
  const at = await clients.get(store).pexpiretime(store.prefix + id)
  return at === -2 ? undefined : at === -1 ? null : at
}
