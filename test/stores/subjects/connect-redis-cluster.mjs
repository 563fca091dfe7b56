import { RedisStore } from 'connect-redis'
import { withRedisReplace } from 'fastify-session-timeout/stores'
import { createCluster } from 'redis'

export const name = 'connect-redis on a cluster'

export async function create () {
  const client = createCluster({ rootNodes: process.env.STORE_URL.split(',').map(url => ({ url })) })
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
