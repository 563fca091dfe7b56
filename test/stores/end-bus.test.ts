import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { get, request as send, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createClient, createCluster } from 'redis'
import t, { type Test } from 'tap'
import { postgresEndBus, redisEndBus, type SessionEndBus } from '../../stores/index.js'
import { startPgBouncer } from '../helpers/servers/pgbouncer.js'
import { query, startPostgres } from '../helpers/servers/postgres.js'
import { startRedis } from '../helpers/servers/redis.js'
import { startRedisCluster } from '../helpers/servers/redis-cluster.js'

async function until (holds: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < 10_000 && !holds(); waited += 20) await pause(20)
  return holds()
}

/** What every way of telling has to do, between two processes' worth of connections. */
async function checkBus (t: Test, open: () => Promise<SessionEndBus>): Promise<void> {
  const [one, other] = [await open(), await open()]
  const heard: string[] = []
  const first = await one.subscribe(message => { heard.push(`one ${message}`) }, () => {})
  const second = await other.subscribe(message => { heard.push(`other ${message}`) }, () => {})
  await one.publish('a digest')
  t.ok(await until(() => heard.length === 2))
  t.same(heard.sort(), ['one a digest', 'other a digest'], 'all hear it, who told it too')
  await first()
  await other.publish('another')
  t.ok(await until(() => heard.length === 3))
  await pause(50)
  t.equal(heard.at(-1), 'other another', 'who stopped hears nothing')
  t.equal(heard.length, 3)
  await second()
}

/** Test/stores/end-bus-process.mjs. */
interface Process {
  child: ChildProcess
  post (path: string, cookie?: string): Promise<IncomingMessage>
  /** Opens a stream, which is there when this is settled. */
  open (cookie: string): Promise<IncomingMessage>
  reads (): Promise<number>
  /** What was logged since the start, at level warn. */
  warnings (): Promise<string[]>
}

async function startProcess (
  t: Test, kind: 'redis' | 'postgres', url: string, withBus: boolean, busUrl = url
): Promise<Process> {
  const file = new URL('end-bus-process.mjs', import.meta.url)
  const env = { ...process.env, NODE_OPTIONS: '', STORE_URL: url, BUS_URL: busUrl }
  const child = fork(file, [kind, withBus ? 'yes' : 'no'], { execArgv: [], env })
  t.teardown(() => { child.kill('SIGKILL') })
  const ask = async (question: string): Promise<unknown> => {
    child.send(question)
    return (await once(child, 'message'))[0]
  }
  const [port] = await once(child, 'message') as [number]
  const to = (path: string, cookie?: string) => {
    return { port, host: '127.0.0.1', path, agent: false, headers: cookie === undefined ? {} : { cookie } } as const
  }
  return {
    child,
    async post (path, cookie) {
      const [response] = await once(send({ ...to(path, cookie), method: 'POST' }).end(), 'response') as [IncomingMessage]
      return response.resume()
    },
    async open (cookie) {
      const [response] = await once(get(to('/stream', cookie)), 'response') as [IncomingMessage]
      return response.on('error', () => {}).resume()
    },
    reads: async () => await ask('reads') as number,
    warnings: async () => await ask('warnings') as string[]
  }
}

async function signIn ({ post }: Process): Promise<string> {
  return (await post('/sign-in')).headers['set-cookie']!.toString().split(';')[0]!
}

/** From the sign-out in one process to the end of the stream in another. */
async function checkProcesses (t: Test, kind: 'redis' | 'postgres', url: string): Promise<void> {
  const [here, there] = [await startProcess(t, kind, url, true), await startProcess(t, kind, url, true)]
  const streams: Array<readonly [cookie: string, stream: IncomingMessage]> = []
  for (let count = 0; count < 100; count++) {
    const cookie = await signIn(there)
    streams.push([cookie, await here.open(cookie)])
  }
  const reads = await here.reads()
  const delays: number[] = []
  for (const [cookie, stream] of streams.slice(0, 50)) {
    const over = once(stream, 'close')
    const response = await there.post('/sign-out', cookie)
    t.equal(response.statusCode, 200)
    const at = performance.now()
    await over
    delays.push(performance.now() - at)
  }
  delays.sort((one, other) => one - other)
  const [median, slowest] = [delays[25]!, delays.at(-1)!].map(delay => delay.toFixed(1))
  t.comment(`from the answer to a sign-out to the end of a stream in another process: ${median} ms, at most ${slowest} ms`)
  t.ok(delays.at(-1)! < 5000, 'at once, where a look-up takes up to 30 s')
  t.ok(streams.slice(50).every(([, { closed }]) => !closed), 'the others stay')
  t.equal(await here.reads() - reads, 50, 'the store was asked for those sessions alone')
  const exits = [here, there].map(({ child }) => {
    child.send('close')
    return once(child, 'exit')
  })
  t.strictSame(await Promise.all(exits), [[0, null], [0, null]], 'they close')
}

/** A bus that half works: the stream ends all the same within the 30 s that it takes without one, and the log says why it took so long. */
async function checkHalf (
  t: Test, [here, there]: readonly [Process, Process], says: { here: RegExp, there: RegExp | undefined }
): Promise<void> {
  const cookie = await signIn(there)
  const stream = await here.open(cookie)
  // So that each process has probed its bus.
  await pause(12_000)
  const over = once(stream, 'close')
  const at = performance.now()
  t.equal((await there.post('/sign-out', cookie)).statusCode, 200)
  await over
  const seconds = (performance.now() - at) / 1000
  t.comment(`the stream ended ${seconds.toFixed(1)} s after the sign-out in another process`)
  t.ok(seconds > 1, 'the bus did not tell')
  t.ok(seconds < 31, 'nor did it keep the process from looking')
  // A fault is noted when its probe is due.
  await pause(500)
  t.match(await here.warnings(), [says.here])
  t.match(await there.warnings(), says.there === undefined ? [] : [says.there])
}

t.test('a client of another kind is refused at start', async t => {
  const ioredis = new Redis({ lazyConnect: true })
  for (const client of [ioredis, {}]) t.throws(() => redisEndBus(client), /^redisEndBus\(client\) needs a client or cluster of node-redis/)
  t.throws(() => postgresEndBus({}), /^postgresEndBus\(pool\) needs a pool of pg/)
})

// All before the first test: with none left to run, tap takes the file for finished.
const redis = await startRedis(t)
const cluster = await startRedisCluster(t)
const postgres = await startPostgres(t)
const pooler = postgres && await startPgBouncer(t, postgres)
if (redis) {
  const connect = async (t: Test) => {
    const client = createClient({ url: redis.url, socket: { reconnectStrategy: 20 } })
    client.on('error', () => {})
    await client.connect()
    t.teardown(() => client.destroy())
    return client
  }

  t.test('processes hear of ends through Redis', async t => {
    await checkBus(t, async () => redisEndBus(await connect(t)))
  })

  t.test('channels are apart', async t => {
    const client = await connect(t)
    const heard: string[] = []
    const stops = await Promise.all(['one', 'other'].map(channel => {
      return redisEndBus(client, channel).subscribe(message => { heard.push(`${channel} ${message}`) }, () => {})
    }))
    await redisEndBus(client, 'other').publish('a digest')
    t.ok(await until(() => heard.length === 1))
    t.same(heard, ['other a digest'])
    await Promise.all(stops.map(stop => stop()))
  })

  t.test('a connection that was lost is there again, and says that something may have been missed', async t => {
    const bus = redisEndBus(await connect(t))
    const heard: string[] = []
    let missed = 0
    const stop = await bus.subscribe(message => { heard.push(message) }, () => { missed++ })
    await redis.kill()
    await redis.start()
    t.ok(await until(() => missed > 0))
    t.ok(await until(() => {
      Promise.resolve(bus.publish('a digest')).catch(() => {})
      return heard.length > 0
    }))
    await stop()
  })

  t.test('one of one\'s own, with ioredis, is two functions', async t => {
    const open = (): Redis => {
      const client = new Redis(redis.url)
      t.teardown(() => client.disconnect())
      return client
    }
    await checkBus(t, async () => {
      const client = open()
      return {
        publish: message => client.publish('ends', message),
        subscribe: async (listener, missed) => {
          const subscriber = client.duplicate()
          subscriber.on('message', (_channel, message) => listener(message))
          await subscriber.subscribe('ends')
          subscriber.on('ready', () => { subscriber.subscribe('ends').then(missed, () => {}) })
          return async () => {
            const over = once(subscriber, 'end')
            subscriber.disconnect()
            await over
          }
        }
      }
    })
  })

  t.test('who stops while Redis is away does not come back, nor one whose client was closed', async t => {
    const [staying, closing] = [await connect(t), createClient({ url: redis.url, socket: { reconnectStrategy: 20 } })]
    await closing.on('error', () => {}).connect()
    const watcher = await connect(t)
    const subscribers = async () => (await watcher.pubSubNumSub('fastify-session-timeout:ends'))['fastify-session-timeout:ends']
    const stop = await redisEndBus(staying).subscribe(() => {}, () => {})
    await redisEndBus(closing).subscribe(() => {}, () => {})
    t.equal(await subscribers(), 2)
    await redis.kill()
    await stop()
    closing.destroy()
    await stop()
    await redis.start()
    await until(() => watcher.isReady)
    await pause(200)
    t.equal(await subscribers(), 0)
  })

  t.test('a subscription that fails leaves no connection', async t => {
    const watcher = await connect(t)
    const connections = async () => String(await watcher.sendCommand(['CLIENT', 'LIST'])).trim().split('\n').length
    const client = await connect(t)
    await watcher.sendCommand(['ACL', 'SETUSER', 'deaf', 'on', 'nopass', '~*', '+@all', '-subscribe', 'allchannels'])
    const deaf = createClient({ url: redis.url, username: 'deaf', password: 'any' })
    await deaf.on('error', () => {}).connect()
    t.teardown(() => deaf.destroy())
    const before = await connections()
    await t.rejects(async () => { await redisEndBus(deaf).subscribe(() => {}, () => {}) }, /NOPERM/)
    await pause(50)
    t.equal(await connections(), before)
    t.ok(client.isReady)
  })

  t.test('where Redis forbids one process to publish, streams end as without a bus, and both say so', { timeout: 90_000 }, async t => {
    const admin = await connect(t)
    await admin.sendCommand(['ACL', 'SETUSER', 'mute', 'on', 'nopass', '~*', '+@all', '-publish', 'allchannels'])
    const { port } = new URL(redis.url)
    const mute = `redis://mute:any@127.0.0.1:${port}`
    const processes = [await startProcess(t, 'redis', redis.url, true), await startProcess(t, 'redis', redis.url, true, mute)] as const
    await checkHalf(t, processes, { here: /^endBus was not told of an end in another process/, there: /^endBus failed to publish/ })
  })

  t.test('where one process has no bus, the other one says so when it finds its end', { timeout: 90_000 }, async t => {
    const processes = [await startProcess(t, 'redis', redis.url, true), await startProcess(t, 'redis', redis.url, false)] as const
    await checkHalf(t, processes, { here: /^endBus was not told of an end in another process/, there: undefined })
  })

  t.test('of two processes on Redis, one closes its streams when the other signs out', async t => {
    await checkProcesses(t, 'redis', redis.url)
  })
}

if (cluster) {
  t.test('processes hear of ends through a cluster of Redis', async t => {
    await checkBus(t, async () => {
      const client = createCluster({ rootNodes: cluster.url.split(',').map(url => ({ url })) })
      client.on('error', () => {})
      await client.connect()
      t.teardown(() => client.destroy())
      return redisEndBus(client)
    })
  })
}

if (postgres) {
  const connect = (t: Test): pg.Pool => {
    const pool = new pg.Pool({ connectionString: postgres.url })
    pool.on('error', () => {})
    t.teardown(() => pool.end())
    return pool
  }

  t.test('processes hear of ends through Postgres', async t => {
    await checkBus(t, async () => postgresEndBus(connect(t)))
  })

  t.test('a name with quotes is a name', async t => {
    await checkBus(t, async () => postgresEndBus(connect(t), 'the "ends" of Ada\'s'))
  })

  t.test('a connection that Postgres closes is replaced, and says that something may have been missed', async t => {
    const bus = postgresEndBus(connect(t))
    const heard: string[] = []
    let missed = 0
    const stop = await bus.subscribe(message => { heard.push(message) }, () => { missed++ })
    await query(postgres.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    t.ok(await until(() => missed === 1))
    await bus.publish('a digest')
    t.ok(await until(() => heard.length === 1))
    await stop()
  })

  t.test('who is stopped while Postgres is away does not come back', async t => {
    const bus = postgresEndBus(connect(t))
    let missed = 0
    const stop = await bus.subscribe(() => {}, () => { missed++ })
    await postgres.kill()
    await pause(100)
    await stop()
    await postgres.start()
    await pause(1200)
    t.equal(missed, 0)
  })

  t.test('a subscription that fails leaves no connection of the pool behind', async t => {
    const pool = connect(t)
    const bus = postgresEndBus(pool, 'x'.repeat(70).concat('\0'))
    await t.rejects(async () => { await bus.subscribe(() => {}, () => {}) })
    t.equal(pool.totalCount, 0)
    await postgres.kill()
    await t.rejects(async () => { await postgresEndBus(pool).subscribe(() => {}, () => {}) })
    await postgres.start()
    t.equal(pool.totalCount, 0)
  })

  t.test('through a pooler in transaction mode streams end as without a bus, and every process says so', { timeout: 90_000 }, async t => {
    if (pooler === undefined) return
    const processes = [await startProcess(t, 'postgres', pooler.url, true), await startProcess(t, 'postgres', pooler.url, true)] as const
    const says = /^endBus does not deliver: .* A pooler in transaction mode cannot LISTEN$/
    await checkHalf(t, processes, { here: says, there: says })
  })

  t.test('of two processes on Postgres, one closes its streams when the other signs out', async t => {
    await checkProcesses(t, 'postgres', postgres.url)
  })
}
