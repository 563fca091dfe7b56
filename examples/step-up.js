// node examples/step-up.js
import Fastify from 'fastify'
import { runExample, sessions } from './sessions.js'

/** The password of everybody in this example. */
const password = 'correct horse battery staple'

export async function buildStepUp (options = {}) {
  const app = Fastify({ logger: options.logger ?? false })
  await app.register(sessions, { ...options, timeout: { idleTimeout: '30m', warnBefore: '2m', ...options.timeout } })

  app.addHook('preHandler', async function requireUser (request) {
    if (request.routeOptions.config.public || request.session.user !== undefined) return
    throw Object.assign(new Error('Please sign in'), { statusCode: 401 })
  })

  app.get('/balance', async () => ({ balance: 1234 }))

  // Being signed in is not enough here: whoever finds the screen unlocked is signed in, too.
  app.post('/transfer', { config: { sessionTimeout: { signedInWithin: '5m' } } }, async () => ({ transferred: true }))

  app.post('/confirm', async request => {
    if (request.body?.password !== password) throw Object.assign(new Error('That is not the password'), { statusCode: 403 })
    // Both clocks start anew, so that what signedInWithin asks for is there. The session keeps its data.
    await request.sessionTimeout.restart()
    return { confirmed: true }
  })
  return app
}

await runExample(import.meta.url, buildStepUp, address => `
  curl -c /tmp/jar -X POST ${address}/sign-in
  curl -b /tmp/jar -X POST ${address}/transfer    # transferred
  # five minutes later:
  curl -b /tmp/jar ${address}/balance             # still signed in
  curl -b /tmp/jar -i -X POST ${address}/transfer # 401, max_age=300
  curl -b /tmp/jar -H 'content-type: application/json' -d '{"password":"${password}"}' ${address}/confirm
  curl -b /tmp/jar -X POST ${address}/transfer    # transferred
`)
