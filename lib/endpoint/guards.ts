import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { now } from '../clock.js'
import type { Registration } from '../session/registration.js'
import { visitOf } from '../session/visit.js'
import { isOwnCall } from './same-origin.js'

/**
 * Answers the calls of pages before the guards of the application can. The client asks when nobody is signed in any
 * more, and that is when a guard sends whoever asks to the sign-in page: the page would never be told why.
 *
 * The hooks of a scope run after those that its parent has by then, and before those that the parent gets later. So an
 * onRequest hook here runs before all guards that are registered after the plugin, and before those of later stages.
 *
 * A call that needs its body goes on: it extends a live session, whose user guards let pass. So does one of another
 * origin: @fastify/cors may be registered after the plugin.
 */
export function answerBeforeGuards (app: FastifyInstance): void {
  app.addHook('onRequest', async function answerAtOnce (request, reply) {
    if (!isOwnCall(request) || needsBody(request)) return undefined
    const { handler } = request.routeOptions
    const answer = await handler.call(app, request, reply)
    // One that returns the reply has sent it.
    return reply.sent ? reply : reply.send(answer)
  })
}

function needsBody (request: FastifyRequest): boolean {
  return request.method === 'POST' && visitOf(request)?.liveTiming(now()) != null
}

/**
 * Says once that a hook of the application has answered in the place of the endpoint: one that is registered before
 * the plugin, or that refuses a call which has to go on.
 * @returns what is called with a request that the plugin answers with an error
 */
export function watchForeignAnswers (
  app: FastifyInstance, { loggedWarnings }: Registration
): (request: FastifyRequest) => void {
  const ours = new WeakSet<FastifyRequest>()
  app.addHook('onRoute', route => {
    const { handler } = route
    route.handler = function answer (request, reply) {
      ours.add(request)
      return handler.call(this, request, reply)
    }
  })
  app.addHook('onSend', function noticeForeignAnswer (request, reply, _payload, done) {
    if (!loggedWarnings.foreignAnswer && isForeign(request, reply)) warn(request, reply)
    done()
  })
  return request => { ours.add(request) }

  function isForeign (request: FastifyRequest, { statusCode }: FastifyReply): boolean {
    return ours.has(request) ? isRedirect(statusCode) : statusCode < 400 || refusals.has(statusCode)
  }

  function warn (request: FastifyRequest, { statusCode }: FastifyReply): void {
    loggedWarnings.foreignAnswer = true
    const { url } = request.routeOptions
    const [by, advice] = ours.has(request)
      ? ['the error handler', 'Let it send errors whose code begins with FST_SESSION_TIMEOUT as they are']
      : ['a hook', `Let that hook pass where request.routeOptions.url is '${url}', or register it after this plugin`]
    request.log.warn(`fastify-session-timeout: ${request.method} ${url} was answered with ${statusCode} by ${by} of the application: ` +
      `pages cannot learn from it how their session is. ${advice}`)
  }
}

/** What guards say; the limits of rates and loads say something else. */
const refusals = new Set([401, 403, 404])

/** The endpoint has none. */
function isRedirect (status: number): boolean {
  return status >= 300 && status < 400 && status !== 304
}
