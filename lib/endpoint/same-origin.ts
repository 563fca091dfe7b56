import type { FastifyRequest } from 'fastify'
import { ForbiddenError } from '../errors.js'

/**
 * An onRequest hook against cross-site request forgery. Callers that are not browsers send neither header.
 * A same-site page is another origin: a neighbouring subdomain may belong to somebody else.
 * @param trustedOrigins other origins that may call all the same
 */
export function createCrossSiteHook (trustedOrigins: ReadonlySet<string>): (request: FastifyRequest) => Promise<void> {
  return async function refuseCrossSite (request) {
    const site = request.headers['sec-fetch-site']
    const { origin } = request.headers
    if (origin !== undefined && trustedOrigins.has(origin)) return
    const allowed = site !== undefined
      ? site === 'same-origin' || site === 'none'
      : origin === undefined || isOwn(origin, request)
    if (!allowed) throw new ForbiddenError(`${origin === undefined ? 'this one has no Origin' : `${origin} is not this site's origin`}, nor in trustedOrigins`)
  }
}

/** Without the protocol: behind a proxy that ends TLS the server may believe it is http. */
function isOwn (origin: string, request: FastifyRequest): boolean {
  const host = hostOf(`${request.protocol}://${request.host}`)
  return host !== undefined && hostOf(origin) === host
}

function hostOf (url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined
}
