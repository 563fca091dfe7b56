import type { Session } from 'fastify'
import { assertStore, expiryOf, withReplace } from './replace.js'
import type { SessionStoreWithReplace } from '../types/index.js'

interface ConnectRedis {
  readonly client: object
  readonly prefix: string
  readonly ttl: number | ((session: Session) => number)
  readonly disableTTL: boolean
  readonly serializer: { stringify (session: Session): string }
  destroy (id: string): Promise<unknown>
}

interface Client {
  set (key: string, value: string, ...options: unknown[]): Promise<unknown>
}

/**
 * Adds `replace` to the store of connect-redis, version 7 or later, with one `SET ... XX`.
 *
 * @param client the client that the store was made with. Needed for connect-redis 7 and 8, which hide it. It is a client
 * or cluster of node-redis 4 or later, or of ioredis 5 or later, which connect-redis 9 no longer accepts.
 */
export function withRedisReplace<Store extends object> (
  store: Store, client?: object
): Store & SessionStoreWithReplace {
  assertStore(store, { name: 'connect-redis', wrapper: 'withRedisReplace', methods: ['touch'], set: /serializer\.stringify\([^]*client\.set\(/ })
  assertSerializer(store)
  const { prefix, serializer, disableTTL } = store as unknown as ConnectRedis
  const set = setter(client ?? (store as unknown as ConnectRedis).client)

  return withReplace(store, async (id, session) => {
    const seconds = lifeOf(store as unknown as ConnectRedis, session)
    if (seconds <= 0) {
      await (store as unknown as ConnectRedis).destroy(id)
      return false
    }
    return await set(prefix + id, serializer.stringify(session), disableTTL ? undefined : seconds) !== null
  })
}

function assertSerializer (store: object): void {
  const { stringify, parse } = Object((store as ConnectRedis).serializer) as Partial<Record<string, unknown>>
  if (typeof stringify !== 'function' || typeof parse !== 'function') {
    throw new TypeError('withRedisReplace needs the serializer of connect-redis, with stringify and parse')
  }
}

function setter (client: object): (key: string, value: string, seconds: number | undefined) => Promise<unknown> {
  const { set } = client as Client
  if ('sendCommand' in client && ('scanIterator' in client || 'masters' in client)) {
    // Of these two ways to say it, node-redis 4 knows the second only and ignores the first.
    return (key, value, seconds) => set.call(client, key, value, {
      condition: 'XX',
      XX: true,
      ...(seconds !== undefined && { expiration: { type: 'EX', value: seconds }, EX: seconds })
    })
  }
  if ('sendCommand' in client) {
    return (key, value, seconds) => {
      return set.call(client, key, value, ...(seconds === undefined ? [] : ['EX', seconds]), 'XX')
    }
  }
  throw new TypeError('withRedisReplace(store, client) needs the client of node-redis or ioredis that the store has')
}

/** Seconds, as the store's own `set` counts them. */
function lifeOf ({ ttl }: ConnectRedis, session: Session): number {
  if (typeof ttl === 'function') return ttl(session)
  const expires = expiryOf(session)
  return expires === undefined ? ttl : Math.ceil((expires - Date.now()) / 1000)
}
