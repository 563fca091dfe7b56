import type { FastifyRequest } from 'fastify'
import { ForbiddenError } from './errors.js'

/**
 * An onRequest hook against cross-site request forgery. Callers that are not browsers send neither header.
 * A same-site page is another origin: a neighbouring subdomain may belong to somebody else.
 */
export async function refuseCrossSite (request: FastifyRequest): Promise<void> {
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  const allowed = site !== undefined
    ? site === 'same-origin' || site === 'none'
    : origin === undefined || hostOf(origin) === hostOf(`${request.protocol}://${request.host}`)
  if (!allowed) throw new ForbiddenError()
}

// Without the protocol: behind a proxy that ends TLS the server may believe it is http.
function hostOf (url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined
}
