import t from 'tap'
import { checkEndAll } from '../helpers/end-all-race.js'
import { startRedis } from '../helpers/redis.js'

const redis = await startRedis(t)
if (redis) {
  for (const kind of ['plain redis', 'redis'] as const) {
    const store = kind === 'redis' ? 'a store with replace' : 'marks'
    t.test(`a user with a thousand sessions is signed out everywhere within touchInterval, with ${store}`, t => checkEndAll(t, kind, redis.url, false))
    t.test(`at once with a bus, with ${store}`, t => checkEndAll(t, kind, redis.url, true))
  }
}
