// node examples/end-all-sessions.js
import Fastify from 'fastify'
import { runExample, sessions } from './sessions.js'

/** The oldest session of a user ends when there would be more. */
const most = 3

export async function buildAccounts (options = {}) {
  const app = Fastify({ logger: options.logger ?? false })
  // Which sessions a user has is known to the application alone. With several processes this is a table in the database.
  const sessionsOf = new Map()

  app.addHook('onSend', async function keepIndex (request) {
    const { user, sessionId } = request.session ?? {}
    if (user === undefined) return
    const ids = sessionsOf.get(user) ?? new Set()
    sessionsOf.set(user, ids.add(sessionId))
    for (const id of ids) {
      if (ids.size <= most) break
      ids.delete(id)
      await app.sessionTimeout.end(id)
    }
  })
  await app.register(sessions, options)

  app.post('/sign-out-everywhere', async request => {
    const { user } = request.session
    if (user === undefined) throw Object.assign(new Error('Please sign in'), { statusCode: 401 })
    return { ended: await endAll(user) }
  })
  // An administrator's, or that of an identity provider's back-channel logout: guard it.
  app.delete('/users/:user/sessions', { config: { sessionTimeout: false } }, async request => ({ ended: await endAll(request.params.user) }))

  /** Those that are over already do not count. A request in flight brings none of them back. */
  async function endAll (user) {
    const ids = [...sessionsOf.get(user) ?? []]
    sessionsOf.delete(user)
    const ended = await Promise.all(ids.map(id => app.sessionTimeout.end(id)))
    return ended.filter(Boolean).length
  }
  return app
}

await runExample(import.meta.url, buildAccounts, address => `
  curl -c /tmp/laptop -X POST ${address}/sign-in
  curl -c /tmp/phone -X POST ${address}/sign-in
  curl -b /tmp/phone -X POST ${address}/sign-out-everywhere # 2 ended
  curl -b /tmp/laptop -i -X POST ${address}/sign-out-everywhere # 401
  curl -c /tmp/laptop -X POST ${address}/sign-in
  curl -X DELETE ${address}/users/Ada/sessions # 1 ended
`)
