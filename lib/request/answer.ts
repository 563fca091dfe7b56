import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EndedReason } from '../../types/reasons.js'
import { second } from '../clock.js'
import { endedError, StaleError } from '../errors.js'
import type { EndedAnswer, Redirect } from '../settings/after-timeout.js'
import { isReturnPath } from '../settings/return-path.js'
import { isHtmx, isNavigation } from './navigation.js'

/** 'continue': the request goes on; 'replied': it was answered. */
export type Verdict = 'continue' | 'replied'

/**
 * Answers a request whose session has ended.
 * @param onRefuse called before a request is refused, rather than redirected
 * @throws FST_SESSION_TIMEOUT_ENDED
 */
export function answerEnded (
  request: FastifyRequest, reply: FastifyReply, reason: EndedReason, answer: EndedAnswer, onRefuse: () => void
): Verdict {
  if (answer === 'continue' || (answer !== 'unauthorized' && isTarget(request, answer))) return 'continue'
  if (redirected(request, reply, reason, answer)) return 'replied'
  onRefuse()
  reply.header('www-authenticate', 'Session')
  throw endedError(reason)
}

/**
 * Answers a request that asks for a more recent sign-in, in the words of RFC 9470.
 * @param within ms
 * @throws FST_SESSION_TIMEOUT_STALE
 */
export function answerStale (
  request: FastifyRequest, reply: FastifyReply, within: number, answer: EndedAnswer
): Verdict {
  if (redirected(request, reply, 'stale', answer)) return 'replied'
  reply.header('www-authenticate', `Session error="insufficient_user_authentication", max_age=${Math.floor(within / second)}`)
  throw new StaleError()
}

/** People go to the sign-in page; scripts are told where it is. */
function redirected (request: FastifyRequest, reply: FastifyReply, reason: string, answer: EndedAnswer): boolean {
  reply.header('cache-control', 'no-store')
  if (answer === 'continue' || answer === 'unauthorized') return false
  if (isNavigation(request)) {
    // Never a host, never from Referer (CVE-2026-40295): the path and query of this very request.
    const back = request.method === 'GET' ? request.originalUrl : undefined
    reply.redirect(locationFor(reason, answer, back), 303)
    return true
  }
  if (isHtmx(request)) reply.header('hx-redirect', locationFor(reason, answer, currentPath(request)))
  return false
}

/** The sign-in page itself is shown, never redirected to itself. */
function isTarget (request: FastifyRequest, { redirectTo }: Redirect): boolean {
  const target = targetPath(request, redirectTo)
  return target !== undefined && (request.routeOptions.url === target || request.originalUrl.split('?', 1)[0] === target)
}

/** Undefined for a page of another site. */
function targetPath (request: FastifyRequest, redirectTo: string): string | undefined {
  if (redirectTo.startsWith('/')) return redirectTo.split(/[?#]/, 1)[0]
  const { host, pathname } = new URL(redirectTo)
  return host === request.host ? pathname : undefined
}

/** The page that an htmx request was made on, when it is one of this very host. */
function currentPath (request: FastifyRequest): string | undefined {
  const url = request.headers['hx-current-url']
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  const { host, pathname, search } = new URL(url)
  return host === request.host ? pathname + search : undefined
}

function locationFor (
  reason: string, { redirectTo, returnParam, reasonParam }: Redirect, back: string | undefined
): string {
  const params = new URLSearchParams()
  if (returnParam !== false && isReturnPath(back)) params.set(returnParam, back)
  if (reasonParam !== false) params.set(reasonParam, reason)
  if (params.size === 0) return redirectTo
  const [location, hash] = splitOnce(redirectTo, '#')
  return `${location}${location.includes('?') ? '&' : '?'}${params}${hash === undefined ? '' : `#${hash}`}`
}

function splitOnce (text: string, separator: string): [string, string | undefined] {
  const index = text.indexOf(separator)
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}
