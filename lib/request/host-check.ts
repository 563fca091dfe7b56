import type { FastifyInstance, FastifyRequest } from 'fastify'
import { openEmptySession, type Registration } from '../session/registration.js'
import { assertGuardable, type HostSession } from '../store/host-session.js'
import { refuseCookieName } from './cookie-name.js'
import { countRoutesOutside } from './scope-check.js'

type Hook = (request: object, reply: object, done: () => void) => void

/**
 * An onReady hook: what would fail at the first request, or at the first sign-in, fails at start.
 * What is legal and probably not meant is warned of.
 * @param ownHook the name of the plugin's onRequest hook
 * @throws FST_SESSION_TIMEOUT_NO_SESSION for a session plugin that cannot be guarded
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION for a cookieName that is not the host's
 */
export function createHostCheck (registration: Registration, ownHook: string): () => Promise<void> {
  const { app, settings: { cookieName } } = registration
  return async function checkHost () {
    const session = openAtOnce(registration)
    if (session === undefined) return
    assertGuardable(session)
    registration.sampleId = session.sessionId
    const name = hostCookieName(app, session.cookie.path)
    if (name !== undefined && name !== cookieName) refuseCookieName(name, cookieName)
    warnOfMaxAge(registration, session)
    warnOfScope(app, ownHook)
  }
}

/** The host's own limit, which applications had before they had this plugin. */
function warnOfMaxAge ({ app, settings: { timesAll } }: Registration, { cookie }: HostSession): void {
  const { originalMaxAge } = cookie
  if (!originalMaxAge) return
  const limit = `fastify-session-timeout: cookie.maxAge of @fastify/session (${originalMaxAge} ms) does not decide when`
  if (timesAll) app.log.warn(`${limit} a session ends: idleTimeout and absoluteTimeout do. Leave it out`)
  else app.log.info(`${limit} users are signed out: idleTimeout and absoluteTimeout do. It is for sessions without a user`)
}

function warnOfScope (app: FastifyInstance, ownHook: string): void {
  const count = countRoutesOutside(app, ownHook)
  if (count === 0) return
  const routes = count === 1 ? '1 route has sessions and lies' : `${count} routes have sessions and lie`
  app.log.warn(`fastify-session-timeout: ${routes} outside of the scope that it is registered in: nobody is timed there. ` +
    'Register it where @fastify/session is registered')
}

/**
 * A session without a user, which takes neither time nor a store. Undefined where an application's own signer, or
 * generator of ids, wants a request that there is: then the first one finds out.
 */
function openAtOnce (registration: Registration): HostSession | undefined {
  let session: HostSession | undefined
  try {
    openEmptySession(registration, (_error, opened) => { session = opened })
  } catch {}
  return session
}

/**
 * The host tells nobody the name of its cookie, but asks for it: its hook is called with a request that is made up.
 * @returns undefined where its hook is not found; then a wrong name is noticed with the first cookie that is set
 */
function hostCookieName (app: FastifyInstance, path: string | undefined): string | undefined {
  const hook = hooksOf(app).find(({ name }) => name === 'handleSession')
  let asked: string | undefined
  const cookies = new Proxy({}, {
    get (_target, name) {
      asked = String(name)
      return undefined
    }
  })
  hook?.call(app, { headers: {}, cookies, protocol: 'http', server: app, raw: { url: path } } as unknown as FastifyRequest, {}, () => {})
  return asked
}

/** A scope has the hooks of those around it, too. */
function hooksOf (app: FastifyInstance): Hook[] {
  const scopes: object[] = []
  for (let scope: object = app; scope !== null; scope = Object.getPrototypeOf(scope)) scopes.push(scope)
  return scopes.flatMap(scope => Object.getOwnPropertySymbols(scope)
    .filter(({ description }) => description === 'fastify.hooks')
    .flatMap(symbol => (Reflect.get(scope, symbol) as { onRequest: Hook[] }).onRequest))
}
