// REDIS_URL=redis://127.0.0.1:6379 node examples/cluster.js
import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { RedisStore } from 'connect-redis'
import Fastify from 'fastify'
import { redisEndBus } from 'fastify-session-timeout/stores'
import { createClient } from 'redis'
import { sessions } from './sessions.js'

const { REDIS_URL = 'redis://127.0.0.1:6379', PORT = '3000' } = process.env

if (cluster.isPrimary) await startProcesses()
else await serve()

/** Two processes behind one port; they share the store, and the secret that signs the cookies. */
async function startProcesses () {
  const environment = { REDIS_URL, PORT, SESSION_SECRET: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex') }
  const workers = [cluster.fork(environment), cluster.fork(environment)]
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => workers.forEach(worker => worker.kill(signal)))
  cluster.once('exit', (worker, code) => {
    process.exitCode = code ?? 1
    workers.forEach(other => other.kill())
  })
  const [[{ port }]] = await Promise.all(workers.map(worker => once(worker, 'listening')))
  const address = `http://127.0.0.1:${port}`
  console.log(`
  curl -c /tmp/jar -X POST ${address}/sign-in
  curl -b /tmp/jar -N ${address}/events           # says which process it is
  curl -b /tmp/jar -i -X POST ${address}/sign-out # repeat, until the other process answers: see x-process
                                                  # the stream ends at once
`)
}

async function serve () {
  const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
  client.on('error', error => console.error(`Redis: ${error.message || error.code}`))
  await client.connect()

  const app = Fastify({ forceCloseConnections: true })
  app.addHook('onRequest', async (request, reply) => { reply.header('x-process', String(process.pid)) })
  await app.register(sessions, {
    secret: process.env.SESSION_SECRET,
    store: new RedisStore({ client, prefix: 'session-timeout-cluster:' }),
    // Without it, the other process would find out within 30 s.
    timeout: { endBus: redisEndBus(client) }
  })

  app.get('/events', { config: { sessionTimeout: { countsAsActivity: false } } }, async (request, reply) => {
    const { signal } = request.sessionTimeout
    signal.throwIfAborted()
    const events = new PassThrough()
    signal.addEventListener('abort', () => events.end(signal.reason.reason && `event: ended\ndata: ${signal.reason.reason}\n\n`))
    events.write(`data: process ${process.pid}\n\n`)
    return reply.type('text/event-stream').header('cache-control', 'no-store').send(events)
  })
  app.addHook('onClose', async () => client.destroy())
  await app.listen({ port: Number(PORT), host: '127.0.0.1' })
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close().then(() => process.exit()))
}
