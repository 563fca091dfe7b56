import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EndedReason } from '../types/index.js'
import { endedError } from './errors.js'
import { isHtmx, isNavigation } from './navigation.js'
import type { Answer } from './options.js'
import { isReturnPath } from './return-path.js'

type Redirect = Exclude<Answer, string>

/**
 * Answers a request whose session has ended.
 * @returns 'continue' when the request goes on, 'replied' when it was sent elsewhere
 * @throws FST_SESSION_TIMEOUT_ENDED
 */
export function answerEnded (request: FastifyRequest, reply: FastifyReply, reason: EndedReason, answer: Answer): 'continue' | 'replied' {
  if (answer === 'continue' || (answer !== 'unauthorized' && isTarget(request, answer))) return 'continue'
  reply.header('cache-control', 'no-store')
  if (answer !== 'unauthorized') {
    if (isNavigation(request)) {
      reply.redirect(locationFor(request, reason, answer, true), 303)
      return 'replied'
    }
    if (isHtmx(request)) reply.header('hx-redirect', locationFor(request, reason, answer, false))
  }
  reply.header('www-authenticate', 'Session')
  throw endedError(reason)
}

/** The sign-in page itself is shown, never redirected to itself. */
function isTarget (request: FastifyRequest, { redirectTo }: Redirect): boolean {
  const target = redirectTo.split(/[?#]/, 1)[0]
  return request.routeOptions.url === target || request.originalUrl.split('?', 1)[0] === target
}

function locationFor (request: FastifyRequest, reason: EndedReason, { redirectTo, returnParam, reasonParam }: Redirect, withReturn: boolean): string {
  const params = new URLSearchParams()
  // Never a host, never from Referer (CVE-2026-40295): the path and query of this very request.
  if (withReturn && returnParam !== false && request.method === 'GET' && isReturnPath(request.originalUrl)) params.set(returnParam, request.originalUrl)
  if (reasonParam !== false) params.set(reasonParam, reason)
  if (params.size === 0) return redirectTo
  const [location, hash] = splitOnce(redirectTo, '#')
  return `${location}${location.includes('?') ? '&' : '?'}${params}${hash === undefined ? '' : `#${hash}`}`
}

function splitOnce (text: string, separator: string): [string, string | undefined] {
  const index = text.indexOf(separator)
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}
