// node examples/server-sent-events.js
import { PassThrough } from 'node:stream'
import Fastify from 'fastify'
import { runExample, sessions } from './sessions.js'

export async function buildEvents (options = {}) {
  // An event stream never ends by itself: app.close() would wait for it.
  const app = Fastify({ forceCloseConnections: true })
  await app.register(sessions, options)

  // EventSource reconnects by itself: that is no sign of the user, so opening the stream extends nothing.
  const config = { sessionTimeout: { countsAsActivity: false } }

  app.get('/events', { config }, async (request, reply) => {
    const { signal } = request.sessionTimeout
    // The answer is a 401 then, and EventSource stops trying.
    signal.throwIfAborted()

    const events = new PassThrough()
    const timer = setInterval(() => {
      // A client that does not read is not written to.
      if (!events.writableNeedDrain) events.write(`data: ${JSON.stringify({ time: new Date() })}\n\n`)
    }, options.interval ?? 1000)
    events.once('close', () => clearInterval(timer))
    signal.addEventListener('abort', () => {
      clearInterval(timer)
      // Without a reason the server is closing: the session goes on, and the browser connects again.
      events.end(signal.reason.reason && `event: ended\ndata: ${signal.reason.reason}\n\n`)
    })
    // The headers go out at once, not with the first event.
    events.write(': open\n\n')
    return reply.type('text/event-stream').header('cache-control', 'no-store').send(events)
  })
  return app
}

await runExample(import.meta.url, buildEvents, address => `
  curl -c /tmp/jar -X POST ${address}/sign-in
  curl -b /tmp/jar -N ${address}/events        # ends with the session, after 60 s
  curl -b /tmp/jar ${address}/work             # keeps it for another 60 s
  curl -b /tmp/jar -X POST ${address}/sign-out # ends it at once
`)
