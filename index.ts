import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { registerRoutes } from './lib/endpoint/routes.js'
import { errors } from './lib/error-classes.js'
import { AlreadyRegisteredError, NoSessionError } from './lib/errors.js'
import { createCheckHook, createSecondCheckHook } from './lib/request/check.js'
import { createCookieHook } from './lib/request/cookie.js'
import { createDecryptSession } from './lib/request/decrypt-session.js'
import { createHostCheck } from './lib/request/host-check.js'
import { requestTimeoutKey, requestTimeoutOf } from './lib/request/session-timeout.js'
import { createConnections } from './lib/session/connections.js'
import { joinBus } from './lib/session/end-bus.js'
import { endAll } from './lib/session/end-all.js'
import { revoke } from './lib/session/end.js'
import { findSessions, noLoggedWarnings, type DecryptSession, type Registration } from './lib/session/registration.js'
import { visitKey } from './lib/session/visit.js'
import { resolveOptions } from './lib/settings/options.js'
import { policies } from './lib/settings/presets.js'
import { safeReturnPath } from './lib/settings/return-path.js'
import { createRouteRulesReader } from './lib/settings/route-rules.js'
import type { FastifySessionTimeoutOptions } from './types/index.js'

async function sessionTimeout (
  app: FastifyInstance, options: FastifySessionTimeoutOptions & { prefix?: string }
): Promise<void> {
  refuseWrongOrder(app)
  const settings = resolveOptions(options, app.hasRequestDecorator('flash'), warn)
  const rules = createRouteRulesReader(settings, app.log)
  const busLink = settings.endBus && joinBus(settings.endBus, app.log)
  const registration: Registration = {
    app,
    settings,
    decryptSession: app.decryptSession.bind(app) as DecryptSession,
    rulesOf: rules.of,
    busLink,
    host: undefined,
    sampleId: undefined,
    loggedWarnings: noLoggedWarnings()
  }
  const connections = createConnections()

  app.decorateRequest(visitKey, null)
  app.decorateRequest(requestTimeoutKey, null)
  app.decorateRequest('sessionTimeout', { getter () { return requestTimeoutOf(registration, connections, this) } })
  app.decryptSession = createDecryptSession(registration)
  app.decorate('sessionTimeout', {
    end: async id => revoke(await findSessions(registration), id),
    endAll: (user, options) => endAll(registration, user, options),
    watch: (id, options) => connections.watch(registration, id, options)
  })
  app.addHook('onRoute', function checkRouteConfig (route) {
    rules.check(route)
  })
  const checkHook = createCheckHook(registration)
  app.addHook('onReady', createHostCheck(registration, checkHook.name))
  app.addHook('onRequest', checkHook)
  app.addHook('preValidation', createSecondCheckHook())
  app.addHook('onSend', createCookieHook(registration))
  // Before the server waits for its connections: a stream that hears of nothing would keep it open for ever.
  app.addHook('preClose', async function closeConnections () {
    connections.close()
  })
  app.addHook('onClose', async function leaveBus () {
    connections.close()
    await busLink?.leave()
  })

  const { endpoint } = settings
  if (endpoint !== false) await app.register(registerRoutes, { registration, endpoint, prefix: options.prefix ?? '' })

  for (const warning of settings.warnings) warn(warning)
  app.log.info({ sessionTimeout: settings.summary }, 'session timeout policy')

  function warn (text: string): void {
    app.log.warn(`fastify-session-timeout: ${text}`)
  }
}

/** fastify-plugin could demand @fastify/session by name, but its message does not say what to do. */
function refuseWrongOrder (app: FastifyInstance): void {
  if (app.hasRequestDecorator('sessionTimeout')) throw new AlreadyRegisteredError()
  if (!app.hasRequestDecorator('session') || !app.hasDecorator('decryptSession')) {
    if (app.hasDecorator('decodeSecureSession')) {
      throw new NoSessionError('@fastify/secure-session keeps sessions in the browser, where no server can end them: register @fastify/session instead')
    }
    throw new NoSessionError('Register @fastify/cookie and @fastify/session before fastify-session-timeout, in the same scope or one around it')
  }
}

const plugin: FastifyPluginAsync<FastifySessionTimeoutOptions> = fp(sessionTimeout, { fastify: '5.x', name: 'fastify-session-timeout' })

export default plugin
export { errors, policies, safeReturnPath }
export type * from './types/index.js'
