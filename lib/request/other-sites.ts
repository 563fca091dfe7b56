import type { FastifyRequest } from 'fastify'

/**
 * Whether another site, or a neighbouring subdomain, has made this request: an image, a frame, a script's call.
 * That is no sign of the user, who may know nothing of it. A page that the user goes to is one, also by a link there.
 * Browsers that send no fetch metadata, and callers that are none, cannot be told apart.
 * @param trustedOrigins other origins whose calls are the user's
 */
export function isFromOtherSite ({ headers }: FastifyRequest, trustedOrigins: ReadonlySet<string>): boolean {
  const site = headers['sec-fetch-site']
  if (site !== 'cross-site' && site !== 'same-site') return false
  // A frame is a navigation to the browser, and can be loaded again and again without the user.
  if (headers['sec-fetch-mode'] === 'navigate' && !frames.has(headers['sec-fetch-dest'])) return false
  return headers.origin === undefined || !trustedOrigins.has(headers.origin)
}

const frames = new Set<unknown>(['iframe', 'frame', 'embed', 'object', 'fencedframe'])
