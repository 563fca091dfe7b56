import { RedisStore } from 'connect-redis'
import { withRedisReplace } from 'fastify-session-timeout/stores'
import { createClient } from 'redis'

export const name = 'connect-redis'

export async function create () {
  const socket = { reconnectStrategy: 50 }
  const client = createClient({ url: process.env.STORE_URL, disableOfflineQueue: true, socket })
  client.on('error', () => {})
  await client.connect()
  return withRedisReplace(new RedisStore({ client }))
}

export function close (store) {
  store.client.destroy()
}

export async function expiresAt (store, id) {
  const at = await store.client.pExpireTime(store.prefix + id)
  return at === -2 ? undefined : at === -1 ? null : at
}
