import { PassThrough } from 'node:stream'
import t from 'tap'
import { openSite } from './live.js'

t.test('an open event stream does not keep the server from closing, and is not told that its session has ended', async t => {
  const { app, send } = await openSite(t, {
    server: { forceCloseConnections: false },
    routes (app) {
      // As docs/connections.md has it.
      app.get('/events', { config: { sessionTimeout: { countsAsActivity: false } } }, async (request, reply) => {
        const { signal } = request.sessionTimeout
        signal.throwIfAborted()
        const events = new PassThrough()
        events.write(': open\n\n')
        signal.addEventListener('abort', () => {
          events.end(signal.reason.code === 'FST_SESSION_TIMEOUT_ENDED' ? 'event: ended\ndata:\n\n' : undefined)
        })
        return reply.type('text/event-stream').send(events)
      })
      app.get('/late', async request => request.sessionTimeout.signal.reason.code)
    }
  })
  const response = await send('/events', { headers: { connection: 'close' } })
  let text = ''
  response.on('data', data => { text += String(data) })
  const closed = new Promise<string>(resolve => { response.on('end', () => resolve(text)) })
  const timer = setTimeout(() => {
    t.fail('the server is still open')
    response.destroy()
  }, 5000)
  await app.close()
  clearTimeout(timer)
  t.equal(await closed, ': open\n\n')
})
