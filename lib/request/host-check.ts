import type { FastifyInstance, FastifyRequest } from 'fastify'
import { openNobody, type Registration } from '../session/registration.js'
import { assertGuardable, type HostSession } from '../store/host-session.js'
import { refuseCookieName } from './cookie-name.js'

type Hook = (request: object, reply: object, done: () => void) => void

/**
 * An onReady hook: what would fail at the first request, or at the first sign-in, fails at start.
 * @throws FST_SESSION_TIMEOUT_NO_SESSION for a session plugin that cannot be guarded
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION for a cookieName that is not the host's
 */
export function createHostCheck (registration: Registration): () => Promise<void> {
  const { app, settings: { cookieName } } = registration
  return async function checkHost () {
    const session = openAtOnce(registration)
    if (session === undefined) return
    assertGuardable(session)
    const name = hostCookieName(app, session.cookie.path ?? '/')
    if (name !== undefined && name !== cookieName) refuseCookieName(name, cookieName)
  }
}

/**
 * A session of nobody, which takes neither time nor a store. Undefined where an application's own signer, or
 * generator of ids, wants a request that there is: then the first one finds out.
 */
function openAtOnce (registration: Registration): HostSession | undefined {
  let session: HostSession | undefined
  try {
    openNobody(registration, (_error, opened) => { session = opened })
  } catch {}
  return session
}

/**
 * The host tells nobody the name of its cookie, but asks for it: its hook is called with a request that never was.
 * @returns undefined where its hook is not found; then a wrong name is noticed with the first cookie that is set
 */
function hostCookieName (app: FastifyInstance, path: string): string | undefined {
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

function hooksOf (app: FastifyInstance): Hook[] {
  for (let scope: object = app; scope !== null; scope = Object.getPrototypeOf(scope)) {
    const symbol = Object.getOwnPropertySymbols(scope).find(({ description }) => description === 'fastify.hooks')
    if (symbol !== undefined) return (scope as unknown as Record<symbol, { onRequest: Hook[] }>)[symbol]!.onRequest
  }
  return []
}
