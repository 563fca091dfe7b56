import type { FastifyRequest } from 'fastify'
import type { RequestSessionTimeout } from '../../types/index.js'
import { now } from '../clock.js'
import { deadlines } from '../policy.js'
import type { Connections } from '../session/connections.js'
import type { Registration } from '../session/registration.js'
import { restartNow, touchAt } from '../session/touch.js'
import { visitOf, type Timing } from '../session/visit.js'

/** Where a request keeps its `request.sessionTimeout`. */
export const requestTimeoutKey = Symbol('fastify-session-timeout.request')

type WithTimeout = FastifyRequest & { [requestTimeoutKey]: RequestSessionTimeout | null }

/** `request.sessionTimeout`: one object for each request, and everything in it computed when asked for. */
export function requestTimeoutOf (
  registration: Registration, connections: Connections, request: FastifyRequest
): RequestSessionTimeout {
  const holder = request as WithTimeout
  holder[requestTimeoutKey] ??= createRequestTimeout(registration, connections, request)
  return holder[requestTimeoutKey]
}

function createRequestTimeout (
  { settings: { warnBefore } }: Registration, connections: Connections, request: FastifyRequest
): RequestSessionTimeout {
  return {
    get ended () {
      return visitOf(request)?.ended ?? null
    },
    get startedAt () {
      return timing()?.record.startedAt ?? null
    },
    get lastActivity () {
      return timing()?.record.lastActivity ?? null
    },
    get expiresAt () {
      return deadline()
    },
    get remaining () {
      const expiresAt = deadline()
      return expiresAt === null ? null : Math.max(0, expiresAt - now())
    },
    get expiring () {
      const expiresAt = deadline()
      return expiresAt !== null && expiresAt - now() <= warnBefore
    },
    async touch () {
      const visit = visitOf(request)
      if (visit) await touchAt(visit, now())
    },
    async restart () {
      const visit = visitOf(request)
      if (visit) await restartNow(visit)
    },
    get signal () {
      return connections.signalFor(request, visitOf(request))
    }
  }

  function timing (): Timing | null {
    return visitOf(request)?.timing() ?? null
  }

  function deadline (): number | null {
    const known = timing()
    return known && deadlines(known.record, known.limits).first
  }
}
