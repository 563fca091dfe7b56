import type { FastifyRequest } from 'fastify'
import { ForbiddenError } from '../errors.js'

/**
 * An onRequest hook against cross-site request forgery. Callers that are not browsers send neither header.
 * A same-site page is another origin: a neighbouring subdomain may belong to somebody else.
 * @param trustedOrigins other origins that may call all the same
 */
export function createCrossSiteHook (trustedOrigins: ReadonlySet<string>): (request: FastifyRequest) => Promise<void> {
  return async function refuseCrossSite (request) {
    const { origin } = request.headers
    if (origin !== undefined && trustedOrigins.has(origin)) return
    if (!isOwnCall(request)) throw new ForbiddenError(`${origin === undefined ? 'this one has no Origin' : `${origin} is not this site's origin`}, nor in trustedOrigins`)
  }
}

/** Whether a page of this very origin calls, or something that is no page. */
export function isOwnCall (request: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, origin } = request.headers
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  return origin === undefined || isOwn(origin, request)
}

/** Without the protocol: behind a proxy that ends TLS the server may believe it is http. */
function isOwn (origin: string, request: FastifyRequest): boolean {
  const host = hostOf(`${request.protocol}://${request.host}`)
  return host !== undefined && hostOf(origin) === host
}

function hostOf (url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined
}
