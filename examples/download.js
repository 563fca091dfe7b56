// node examples/download.js
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import Fastify from 'fastify'
import { runExample, sessions } from './sessions.js'

export async function buildDownload (options = {}) {
  const app = Fastify({ forceCloseConnections: true, logger: options.logger ?? false })
  await app.register(sessions, options)
  const { rows = transactions } = options

  app.get('/export.csv', async (request, reply) => {
    const { signal } = request.sessionTimeout
    signal.throwIfAborted()

    const body = new PassThrough()
    // When the session ends, the source is closed and the connection cut:
    // a client can tell a file that was cut off from one that is complete.
    pipeline(rows(), body, { signal }).catch(error => {
      request.log.info(error.cause === signal.reason ? 'the export ended with the session' : 'the export was not finished')
    })
    return reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="export.csv"').header('cache-control', 'no-store').send(body)
  })
  return app
}

/** Ten rows a second for ten minutes. */
async function * transactions () {
  yield 'id,amount\n'
  for (let id = 1; id <= 6000; id++) {
    await pause(100)
    yield `${id},${(id * 7919 % 100000) / 100}\n`
  }
}

await runExample(import.meta.url, buildDownload, address => `
  curl -c /tmp/jar -X POST ${address}/sign-in
  curl -b /tmp/jar -O ${address}/export.csv    # cut off with the session, after 60 s
  curl -b /tmp/jar ${address}/work             # keeps it for another 60 s
  curl -b /tmp/jar -X POST ${address}/sign-out # ends it at once
`)
