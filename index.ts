import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { createCheckHook } from './lib/check.js'
import { createConnections } from './lib/connections.js'
import { createCookieHook } from './lib/cookie.js'
import { createEngine } from './lib/engine.js'
import { AlreadyRegisteredError, NoSessionError } from './lib/errors.js'
import { resolveOptions } from './lib/options.js'
import { policies } from './lib/policies.js'
import { safeReturnPath } from './lib/return-path.js'
import { resolveRouteConfig } from './lib/route-config.js'
import { registerRoutes } from './lib/routes.js'
import { stateKey } from './lib/state.js'
import { createView } from './lib/view.js'
import type { FastifySessionTimeoutOptions } from './types/index.js'

async function sessionTimeout (app: FastifyInstance, options: FastifySessionTimeoutOptions & { prefix?: string }): Promise<void> {
  refuseWrongOrder(app)
  const settings = resolveOptions(options, app.hasRequestDecorator('flash'))
  const engine = createEngine(app, settings)
  const connections = createConnections(engine)

  app.decorateRequest(stateKey, null)
  app.decorateRequest('sessionTimeout', { getter () { return createView(engine, connections, this) } })
  app.addHook('onRoute', function checkRouteConfig (route) {
    resolveRouteConfig(route.config?.sessionTimeout)
  })
  app.addHook('onRequest', createCheckHook(engine))
  app.addHook('onSend', createCookieHook(engine))
  app.addHook('onClose', async function releaseConnections () { connections.close() })

  const { endpoint } = settings
  if (endpoint !== false) await app.register(registerRoutes, { engine, endpoint, prefix: options.prefix ?? '' })

  for (const warning of settings.warnings) app.log.warn(`fastify-session-timeout: ${warning}`)
  app.log.info({ sessionTimeout: settings.summary }, 'session timeout policy')
}

/** fastify-plugin could demand @fastify/session by name, but its message does not say what to do. */
function refuseWrongOrder (app: FastifyInstance): void {
  if (app.hasRequestDecorator('sessionTimeout')) throw new AlreadyRegisteredError()
  if (!app.hasRequestDecorator('session') || !app.hasDecorator('decryptSession')) {
    throw new NoSessionError('Register @fastify/cookie and @fastify/session before fastify-session-timeout, in the same scope or one around it')
  }
}

const plugin: FastifyPluginAsync<FastifySessionTimeoutOptions> = fp(sessionTimeout, { fastify: '5.x', name: 'fastify-session-timeout' })

export default plugin
export { policies, safeReturnPath }
export type * from './types/index.js'
