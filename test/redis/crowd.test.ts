import type { SessionStore } from '@fastify/session'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import t, { type Test } from 'tap'
import { saveAsCrowd } from '../helpers/crowd.js'
import { startRedis } from '../helpers/redis.js'
import { SharedStore } from '../helpers/stores.js'

async function redisStore (t: Test): Promise<SessionStore | undefined> {
  const redis = await startRedis(t)
  if (redis === undefined) return undefined
  const client = await createClient({ url: redis.url }).connect()
  t.teardown(() => client.destroy())
  return new RedisStore({ client }) as unknown as SessionStore
}

const stores = { 'a store in memory': async () => new SharedStore(), Redis: redisStore }

for (const [name, open] of Object.entries(stores)) {
  for (const crowd of [3000, 10_000]) {
    t.test(`${crowd} parallel saves of one session on ${name}, with a sign-out among them, are all answered`, async t => {
      const store = await open(t)
      if (store === undefined) return
      await saveAsCrowd(t, store, crowd)
    })
  }
}
