import type { FastifyRequest } from 'fastify'

/** A person going to a page, as opposed to a script's request. Without fetch metadata (Safari before 16.4): a GET that accepts HTML. */
export function isNavigation (request: FastifyRequest): boolean {
  const mode = request.headers['sec-fetch-mode']
  // Firefox calls a navigation that went through a service worker 'same-origin'.
  if (mode !== undefined && mode !== 'same-origin') return mode === 'navigate'
  if (isHtmx(request)) return false
  return isSafe(request) && request.headers.accept?.includes('text/html') === true
}

/** A page, in a tab of its own or in a frame: where a client may run. */
export function isPage (request: FastifyRequest): boolean {
  const destination = request.headers['sec-fetch-dest']
  // What a service worker asks for has no destination, also where it asks for a page.
  return destination === undefined || destination === 'empty' ? isNavigation(request) : pages.has(destination)
}

const pages = new Set<unknown>(['document', 'iframe', 'frame', 'embed', 'object'])

/** Asks only, and changes nothing. */
export function isSafe ({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

export function isHtmx (request: FastifyRequest): boolean {
  return request.headers['hx-request'] === 'true'
}

/** A page that the browser loads on suspicion: no sign of the user. */
export function isPrefetch (request: FastifyRequest): boolean {
  const { headers } = request
  const purpose = headers['sec-purpose'] ?? headers.purpose ?? headers['x-purpose'] ?? headers['x-moz']
  return purpose !== undefined && /prefetch|prerender|preview/i.test(String(purpose))
}
