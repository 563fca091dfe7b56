import type { Session } from 'fastify'
import { RedisStore } from 'connect-redis'
import { RedisStore as RedisStore8 } from 'connect-redis-8'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import t, { type Test } from 'tap'
import {
  expiryOf, withMemcachedReplace, withMysqlReplace, withPostgresReplace, withRedisReplace, withReplace,
  withSqliteReplace, type SessionStoreWithReplace
} from '../../stores/index.js'
import { startRedis } from '../helpers/servers/redis.js'
import { hour, minute } from '../helpers/time.js'

const id = 'an-id'

function sessionFor (life: number | null): Session {
  if (life === null) return { cookie: { originalMaxAge: null } }
  return { cookie: { originalMaxAge: life, maxAge: life, expires: new Date(Date.now() + life) } }
}

function replace (store: SessionStoreWithReplace, session = sessionFor(hour)): Promise<boolean | undefined> {
  return new Promise((resolve, reject) => {
    store.replace(id, session, (error, replaced) => error ? reject(error) : resolve(replaced))
  })
}

t.test('a store of one\'s own gets its replace in a few lines', async t => {
  const rows = new Map<string, string>()
  class Store {
    name = 'mine'
  }
  const own = new Store()
  const store = withReplace(own, (id, session) => rows.has(id) && Boolean(rows.set(id, JSON.stringify(session))))
  t.equal(store, own, 'it is the same store')
  t.equal(store.name, 'mine')
  t.equal(await replace(store), false)
  rows.set(id, '')
  t.equal(await replace(store), true)
  t.match(JSON.parse(rows.get(id)!), { cookie: { originalMaxAge: hour } })
})

t.test('an error thrown by replace is its answer, with and without a promise', async t => {
  const fails = new Error('no')
  await t.rejects(replace(withReplace({}, () => { throw fails })), fails)
  await t.rejects(replace(withReplace({}, async () => { throw fails })), fails)
  // Stores that fail without an error exist.
  const silent = { then: (_: unknown, reject: () => void) => reject() } as unknown as Promise<boolean>
  await t.rejects(replace(withReplace({}, () => silent)), /failed without an error/)
})

t.test('expiryOf reads a date, also as stores give it back, and knows when there is none', async t => {
  const expires = new Date(Date.UTC(2026, 0, 1))
  t.equal(expiryOf({ cookie: { originalMaxAge: null, expires } }), expires.getTime())
  t.equal(expiryOf(JSON.parse(JSON.stringify({ cookie: { originalMaxAge: null, expires } }))), expires.getTime())
  t.equal(expiryOf(sessionFor(null)), undefined)
  t.equal(expiryOf({ cookie: { originalMaxAge: null, expires: null } }), undefined)
})

t.test('a store of another kind is refused at start', async t => {
  for (const [wrap, name] of [
    [withRedisReplace, 'connect-redis'],
    [withPostgresReplace, 'connect-pg-simple'],
    [withMysqlReplace, 'express-mysql-session'],
    [withMemcachedReplace, 'connect-memcached'],
    [withSqliteReplace, 'better-sqlite3-session-store']
  ] as const) {
    const message = new RegExp(`^Expected a store of ${name}, received one without `)
    t.throws(() => wrap(new Map()), { name: 'TypeError', message })
  }
})

const bypassed = (wrapper: string, method: string, name: string): { name: string, message: RegExp } => ({
  name: 'TypeError',
  message: new RegExp(`^${wrapper} writes sessions as .* does, and would bypass the ${method} of this ${name}: .*withReplace`)
})

t.test('a store that encrypts or caches by methods of its own is refused, since its sessions would be written without them', async t => {
  const client = { sendCommand () {}, scanIterator () {}, get () {}, set () {} } as never
  class Encrypting extends RedisStore {
    override async set (id: string, session: object, callback?: () => void): Promise<unknown> {
      return await super.set(id, { cipher: btoa(JSON.stringify(session)) } as never, callback as never)
    }
  }
  class Caching extends RedisStore {
    override async get (): Promise<unknown> {
      return null
    }
  }
  class Thorough extends Encrypting {
    override async get (): Promise<unknown> {
      return null
    }

    override async destroy (): Promise<unknown> {
      return undefined
    }
  }
  t.throws(() => withRedisReplace(new Encrypting({ client })), bypassed('withRedisReplace', 'set', 'Encrypting'))
  t.throws(() => withRedisReplace(new Caching({ client })), bypassed('withRedisReplace', 'get', 'Caching'))
  t.throws(() => withRedisReplace(new Thorough({ client })), bypassed('withRedisReplace', 'get', 'Thorough'))
  const patched = Object.assign(new RedisStore({ client }), { set: async () => {} })
  t.throws(() => withRedisReplace(patched), bypassed('withRedisReplace', 'set', 'RedisStore'))
  const silent = Object.assign(new RedisStore({ client }), { serializer: {} })
  t.throws(() => withRedisReplace(silent), /needs the serializer of connect-redis/)
  t.doesNotThrow(() => withRedisReplace(new (class extends RedisStore {})({ client })), 'a subclass that changes none of them is as good')
})

t.test('a store class of another package is refused by each wrapper', async t => {
  const kinds: Array<[wrap: (store: object) => object, wrapper: string, methods: readonly string[], text: string]> = [
    [withPostgresReplace, 'withPostgresReplace', ['quotedTable', 'query'], 'INSERT INTO'],
    [withMysqlReplace, 'withMysqlReplace', ['query', 'setOptions'], ''],
    [withMemcachedReplace, 'withMemcachedReplace', ['getKey'], 'client.set('],
    [withSqliteReplace, 'withSqliteReplace', ['createDb'], '']
  ]
  for (const [wrap, wrapper, methods, text] of kinds) {
    class Store {}
    const known = Object.fromEntries(['get', 'set', 'destroy', ...methods].map(method => [method, Object.assign(() => {}, { toString: () => text })]))
    Object.assign(Store.prototype, known)
    class Own extends Store {
      set (): void {}
    }
    t.throws(() => wrap(new Own()), bypassed(wrapper, 'set', 'Own'))
    class Cached extends Store {
      get (): void {}
    }
    t.throws(() => wrap(new Cached()), bypassed(wrapper, 'get', 'Cached'))
    class Listed extends Store {
      destroy (): void {}
    }
    t.throws(() => wrap(new Listed()), bypassed(wrapper, 'destroy', 'Listed'))
  }
})

const server = await startRedis(t)
if (server) {
  const connect = async (t: Test) => {
    const client = createClient({ url: server.url })
    await client.connect()
    t.teardown(() => client.destroy())
    await client.flushAll()
    return client
  }

  t.test('on Redis, prefix, ttl, serializer and disableTTL are the store\'s', async t => {
    const client = await connect(t)
    const serializer = { stringify: (session: object) => `mine ${JSON.stringify(session)}`, parse: JSON.parse }
    for (const [name, options, session, ttl] of [
      ['the expiry of the session', {}, sessionFor(hour), 3600],
      ['the ttl where a session has none', { ttl: 60 }, sessionFor(null), 60],
      ['a day where nothing is said', {}, sessionFor(null), 86400],
      ['a function', { ttl: () => 7 }, sessionFor(hour), 7],
      ['none', { disableTTL: true }, sessionFor(hour), -1]
    ] as const) {
      const key = `mine:${id}`
      const store = withRedisReplace(new RedisStore({ client, prefix: 'mine:', serializer, ...options }))
      await client.del(key)
      t.equal(await replace(store, session), false, `${name}: nothing there`)
      t.equal(await client.exists(key), 0)
      await client.set(key, 'old')
      t.equal(await replace(store, session), true, name)
      t.match(await client.get(key), /^mine \{/)
      t.equal(await client.ttl(key), ttl, name)
    }
  })

  t.test('on Redis, a session whose life is over is taken out', async t => {
    const client = await connect(t)
    const store = withRedisReplace(new RedisStore({ client }))
    await client.set(`sess:${id}`, 'old')
    t.equal(await replace(store, sessionFor(-minute)), false)
    t.equal(await client.exists(`sess:${id}`), 0)
  })

  t.test('connect-redis 8 hides its client, which has to be given then', async t => {
    const client = await connect(t)
    t.throws(() => withRedisReplace(new RedisStore8({ client })), /needs the client of node-redis or ioredis/)
    const ioredis = new Redis(server.url)
    t.teardown(() => ioredis.disconnect())
    for (const given of [client, ioredis]) {
      await client.flushAll()
      const store = withRedisReplace(new RedisStore8({ client: given, disableTTL: given === ioredis }), given)
      t.equal(await replace(store), false)
      await client.set(`sess:${id}`, 'old')
      t.equal(await replace(store), true)
      t.equal(await client.ttl(`sess:${id}`), given === ioredis ? -1 : 3600)
    }
  })
}
