import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { createClient, createCluster } from 'redis'
import t, { type Test } from 'tap'
import { postgresEnds, redisEnds, type Ends } from '../../stores/index.js'
import { query, startPostgres } from '../helpers/servers/postgres.js'
import { startRedis } from '../helpers/servers/redis.js'
import { startRedisCluster } from '../helpers/servers/redis-cluster.js'

async function until (holds: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < 10_000 && !holds(); waited += 20) await pause(20)
  return holds()
}

/** What every way of telling has to do, between two processes' worth of connections. */
async function checkEnds (t: Test, open: () => Promise<Ends>): Promise<void> {
  const [one, other] = [await open(), await open()]
  const heard: string[] = []
  const first = await one.subscribe(message => { heard.push(`one ${message}`) })
  const second = await other.subscribe(message => { heard.push(`other ${message}`) })
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

// All before the first test: with none left to run, tap takes the file for finished.
const redis = await startRedis(t)
const cluster = await startRedisCluster(t)
const postgres = await startPostgres(t)
if (redis) {
  const connect = async (t: Test) => {
    const client = createClient({ url: redis.url, socket: { reconnectStrategy: 20 } })
    client.on('error', () => {})
    await client.connect()
    t.teardown(() => client.destroy())
    return client
  }

  t.test('processes hear of ends through Redis', async t => {
    await checkEnds(t, async () => redisEnds(await connect(t)))
  })

  t.test('channels are apart', async t => {
    const client = await connect(t)
    const heard: string[] = []
    const stops = await Promise.all(['one', 'other'].map(channel => {
      return redisEnds(client, channel).subscribe(message => { heard.push(`${channel} ${message}`) })
    }))
    await redisEnds(client, 'other').publish('a digest')
    t.ok(await until(() => heard.length === 1))
    t.same(heard, ['other a digest'])
    await Promise.all(stops.map(stop => stop()))
  })

  t.test('a connection that was lost is there again, and says that something may have been missed', async t => {
    const ends = redisEnds(await connect(t))
    const heard: string[] = []
    let missed = 0
    const stop = await ends.subscribe(message => { heard.push(message) }, () => { missed++ })
    await redis.kill()
    await redis.start()
    t.ok(await until(() => missed > 0))
    t.ok(await until(() => {
      Promise.resolve(ends.publish('a digest')).catch(() => {})
      return heard.length > 0
    }))
    await stop()
  })
}

if (cluster) {
  t.test('processes hear of ends through a cluster of Redis', async t => {
    await checkEnds(t, async () => {
      const client = createCluster({ rootNodes: cluster.url.split(',').map(url => ({ url })) })
      client.on('error', () => {})
      await client.connect()
      t.teardown(() => client.destroy())
      return redisEnds(client)
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
    await checkEnds(t, async () => postgresEnds(connect(t)))
  })

  t.test('a name with quotes is a name', async t => {
    await checkEnds(t, async () => postgresEnds(connect(t), 'the "ends" of Ada\'s'))
  })

  t.test('a connection that Postgres closes is replaced, and says that something may have been missed', async t => {
    const ends = postgresEnds(connect(t))
    const heard: string[] = []
    let missed = 0
    const stop = await ends.subscribe(message => { heard.push(message) }, () => { missed++ })
    await query(postgres.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    t.ok(await until(() => missed === 1))
    await ends.publish('a digest')
    t.ok(await until(() => heard.length === 1))
    await stop()
  })

  t.test('who is stopped while Postgres is away does not come back', async t => {
    const ends = postgresEnds(connect(t))
    let missed = 0
    const stop = await ends.subscribe(() => {}, () => { missed++ })
    await postgres.kill()
    await pause(100)
    await stop()
    await postgres.start()
    await pause(1200)
    t.equal(missed, 0)
  })
}
