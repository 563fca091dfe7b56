// node examples/end-all-sessions.js
import Fastify from 'fastify'
import { runExample, sessions } from './sessions.js'

export async function buildAccounts (options = {}) {
  const app = Fastify({ logger: options.logger ?? false })
  await app.register(sessions, options)
  app.addHook('preHandler', async function guard (request) {
    const { config } = request.routeOptions
    if (!config.public && request.session.user === undefined) throw Object.assign(new Error('Please sign in'), { statusCode: 401 })
  })

  app.post('/sign-out-everywhere', async request => {
    await app.sessionTimeout.endAll(request.session.user)
    return 'signed out everywhere\n'
  })
  app.post('/password', async request => {
    const { user, sessionId } = request.session
    // ... store the new password first: whoever signs in with the old one from here on must fail ...
    await app.sessionTimeout.endAll(user, { except: sessionId })
    return 'changed, and signed out on all other devices\n'
  })
  // An administrator's, or that of an identity provider's back-channel logout: guard it.
  app.delete('/users/:user/sessions', { config: { public: true, sessionTimeout: false } }, async (request, reply) => {
    await app.sessionTimeout.endAll(request.params.user)
    return reply.code(204).send()
  })
  return app
}

await runExample(import.meta.url, buildAccounts, address => `
  curl -c /tmp/laptop -X POST ${address}/sign-in
  curl -c /tmp/phone -X POST ${address}/sign-in
  curl -b /tmp/phone -X POST ${address}/password # the laptop is signed out
  curl -b /tmp/laptop -i ${address}/work # 401
  curl -b /tmp/phone ${address}/work # done
  curl -X DELETE ${address}/users/Ada/sessions # the phone as well
`)
