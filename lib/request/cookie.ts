import type { FastifyReply, FastifyRequest } from 'fastify'
import { now } from '../clock.js'
import { describeFault } from '../errors.js'
import { deadlines } from '../policy.js'
import { freshFor } from '../session/refresh-record.js'
import type { KnownSession } from '../session/known-session.js'
import type { Registration } from '../session/registration.js'
import { warnOfContradiction } from '../session/request-store.js'
import { stampStored } from '../session/touch.js'
import { visitOf, type Visit } from '../session/visit.js'
import { cookieAttributes, hasData, prefixOf, sessionOf, type HostSession } from '../store/host-session.js'
import { refuseCookieName } from './cookie-name.js'
import { beforeHead, type Head } from './response-head.js'
import { notesOf } from './response-notes.js'
import { withoutMetric, writeTimeLeft } from './server-timing.js'
import { sharingOf } from './shared-caches.js'

type Header = ReturnType<FastifyReply['getHeader']>
type Hook = (
  request: FastifyRequest, reply: FastifyReply, payload: unknown, done: () => void
) => Promise<void> | undefined

/**
 * The onSend hook. It runs after @fastify/session's, which has saved the session and written its cookie
 * into the header by then: reply.setCookie would add a second line, so the line in the header is rewritten.
 */
export function createCookieHook (registration: Registration): Hook {
  const { app, loggedWarnings, settings } = registration
  const { cookieName, rolling, sessionOnly, endpoint } = settings
  const start = `${cookieName}=`
  const clearing = `${cookieName}=;`

  // Either calls `done` or returns a promise, for which Fastify has a guard: sending may throw.
  return function finishResponse (request, reply, _payload, done) {
    const visit = visitOf(request)
    const work = visit && beforeFinish(visit)
    if (work !== undefined) return work.then(() => finish(request, reply, visit))
    finish(request, reply, visit)
    done()
    return undefined
  }

  /** Undefined where the store need not be asked, which is nearly always. */
  function beforeFinish (visit: Visit): Promise<void> | undefined {
    if (!visit.renewed && visit.appliedAtLoad) return undefined
    const session = visit.unchangedSession
    if (session === null) return undefined
    if (visit.renewed && now() - visit.seenAt > freshFor) return lookAgain(visit, session)
    return visit.appliedAtLoad || session.record !== null ? undefined : stampLate(visit, session)
  }

  /** A slow handler: the session may have ended elsewhere since its touch, and the browser have a newer cookie. */
  async function lookAgain (visit: Visit, session: KnownSession): Promise<void> {
    try {
      await visit.isStillThere(session)
    } catch {
      // Nothing is known: the cookie that the browser has will do.
      visit.renewed = false
    }
  }

  /** appliesTo may look at what a hook has set since the session was loaded: called again, it counts. */
  async function stampLate (visit: Visit, session: KnownSession): Promise<void> {
    const { request } = visit
    if (!settings.appliesTo(request)) return
    warnOfContradiction(visit)
    try {
      await stampStored(visit, session, now())
    } catch (error) {
      request.log.warn({ err: describeFault(error) }, 'session without a clock: the session store failed')
    }
  }

  function finish (request: FastifyRequest, reply: FastifyReply, visit: Visit | undefined): void {
    const header = reply.getHeader('set-cookie')
    if (notesOf(reply).shared) return withhold(reply, header)
    const isUnchanged = visit?.isUnchanged === true
    const renews = isUnchanged && visit.renewed
    if (visit !== undefined && !isUnchanged) noticeLostCookie(request, header)
    if (header !== undefined || renews) rewrite(request, reply, header, visit, renews)
    const timing = endpoint === false ? null : visit?.liveTiming(now())
    if (timing) writeTimeLeft(timing)
    if (timing || header !== undefined || renews) beforeHead(reply.raw, head => keepFromCaches(head, reply, visit))
  }

  /** A shared cache would give somebody's session to everybody: decided when no hook can call the response public any more. */
  function keepFromCaches (head: Head, reply: FastifyReply, visit: Visit | undefined): void {
    const sharing = sharingOf(head.get)
    if (sharing === 'no') return
    const lines = linesOf(head.get('set-cookie'))
    // A cookie that is sent again can be left out; that of a session which begins cannot.
    const isNew = visit !== undefined && !visit.isUnchanged
    const kept = lines.filter(line => !line.startsWith(start) || (sharing === 'allowed' && isNew && !line.startsWith(clearing)))
    if (kept.length < lines.length) {
      head.set('set-cookie', kept.length > 1 ? kept : kept[0])
      if (isNew) noticePublicSignIn(visit, lines)
    }
    const { metric } = notesOf(reply)
    if (metric !== undefined) head.set('server-timing', withoutMetric(head.get('server-timing'), metric))
  }

  /** Said once: the user is signed in, and the browser never learns of it. */
  function noticePublicSignIn ({ request }: Visit, lines: readonly string[]): void {
    if (loggedWarnings.publicSignIn || !lines.some(line => line.startsWith(start) && !line.startsWith(clearing))) return
    loggedWarnings.publicSignIn = true
    request.log.warn(`fastify-session-timeout: a session is lost: the response to ${request.method} ${request.routeOptions.url} begins one and is marked ` +
      'public or s-maxage, so that its cookie is withheld from shared caches. Send Cache-Control: no-store where users sign in')
  }

  /** Said once: @fastify/session neither stores such a session nor says so, and nobody stays signed in. */
  function noticeLostCookie (request: FastifyRequest, header: Header): void {
    const session = sessionOf(request)
    if (request.protocol === 'https' || session === undefined || !hasData(session)) return
    const isSent = linesOf(header).some(line => line.startsWith(start) && !line.startsWith(clearing))
    if (isSent && !session.cookie?.secure) noticeInsecureCookie(request)
    if (isSent || loggedWarnings.lostCookie || session.cookie?.secure !== true) return
    loggedWarnings.lostCookie = true
    request.log.warn('fastify-session-timeout: a session is lost: its cookie is Secure, and this request came over http. ' +
      'Behind a proxy that ends TLS, set trustProxy of Fastify; without TLS, set cookie.secure of @fastify/session to \'auto\'')
  }

  /** Said once: TLS ends at a proxy, of which Fastify does not know, so that 'auto' has decided for a cookie without Secure. */
  function noticeInsecureCookie (request: FastifyRequest): void {
    if (loggedWarnings.insecureCookie || request.headers['x-forwarded-proto'] !== 'https') return
    loggedWarnings.insecureCookie = true
    request.log.warn('fastify-session-timeout: a session cookie is sent without Secure, and the request came over TLS to a proxy (X-Forwarded-Proto). ' +
      'Set trustProxy of Fastify, and cookie.secure of @fastify/session to \'auto\' or true')
  }

  /** For a response that is the same for everybody. */
  function withhold (reply: FastifyReply, header: Header): void {
    if (header !== undefined) replaceHeader(reply, header, linesOf(header).filter(line => !line.startsWith(start)))
  }

  function rewrite (
    request: FastifyRequest, reply: FastifyReply, header: Header, visit: Visit | undefined, renews: boolean
  ): void {
    const lines = linesOf(header)
    // Of several lines for the session cookie, browsers keep the last one.
    const last = lines.findLastIndex(line => line.startsWith(start))
    const own = choose(request, lines[last], visit, renews)
    if (last === -1 && visit !== undefined) refuseOtherName(lines, request, reply)
    const kept = lines.flatMap((line, index) => !line.startsWith(start) ? line : index === last ? own ?? [] : [])
    if (last === -1 && own !== undefined) kept.push(own)
    replaceHeader(reply, header, kept)
  }

  function choose (
    request: FastifyRequest, line: string | undefined, visit: Visit | undefined, renews: boolean
  ): string | undefined {
    // A hook before ours has replied: the cookie of its response has attributes, too.
    if (visit === undefined) return line && setLifetime(line, visit)
    const session = sessionOf(request)
    const presented = session !== undefined && visit.isUnchanged
    const ended = session !== undefined && visit.find(session.sessionId)?.ended != null
    const resigned = presented && visit.cookie !== undefined && !visit.cookie.endsWith(session.encryptedSessionId)
    if (line === undefined) {
      return renews && !ended && session !== undefined ? lineFor(request, visit, session) : undefined
    }
    if (line.startsWith(clearing)) {
      if (notesOf(visit.reply).keepCookie) return undefined
      // An older secret signed the cookie of this live session: @fastify/session takes it for another one and clears it.
      // Where no new one can be made, the browser keeps its own.
      if (resigned && !ended) return lineFor(request, visit, session)
      return clearingLine(session) ?? line
    }
    if (ended || (presented && !rolling && !resigned)) return undefined
    return setLifetime(line, visit)
  }

  /** The cookie that the browser has, signed with the current secret, with the attributes that @fastify/session gives it. */
  function lineFor (request: FastifyRequest, visit: Visit, session: HostSession): string | undefined {
    const attributes = cookieAttributes(session)
    // As @fastify/session: a Secure cookie does not travel over plain http.
    if (attributes.secure === true && request.protocol !== 'https') return undefined
    const prefix = visit.cookie === undefined ? undefined : prefixOf(visit.cookie, session, visit.host.slots)
    // It came by another way than the cookie: the browser has none to renew.
    if (prefix === undefined) return undefined
    const line = app.serializeCookie(cookieName, prefix + session.encryptedSessionId, attributes as object)
    return setLifetime(line, visit)
  }

  /** The host's own line has neither HttpOnly nor what a `__Host-`, `__Secure-` or Partitioned cookie is refused without. */
  function clearingLine (session: HostSession | undefined): string | undefined {
    return session && clearingCookie(app.serializeCookie, cookieName, session)
  }

  function setLifetime (line: string, visit: Visit | undefined): string {
    const timing = visit?.timing()
    if (!sessionOnly && !timing) return line
    const bare = line.split('; ').filter(attribute => !/^(?:expires|max-age)=/i.test(attribute)).join('; ')
    if (sessionOnly || !timing) return bare
    const seconds = Math.max(0, Math.ceil((deadlines(timing.record, timing.limits).first - now()) / 1000))
    return `${bare}; Max-Age=${seconds}; Expires=${new Date(now() + seconds * 1000).toUTCString()}`
  }

  /** A line that holds this session's id under another name than ours: nothing would ever be checked. */
  function refuseOtherName (lines: readonly string[], request: FastifyRequest, reply: FastifyReply): void {
    const session = sessionOf(request)
    if (session === undefined) return
    const signed = session.encryptedSessionId
    // @fastify/cookie encodes what it has to, and nothing else.
    const other = lines.find(line => [signed, encodeURIComponent(signed)].some(value => line.replace(/;.*/s, '').endsWith(value)))
    if (other === undefined) return
    // The response to the error passes here again, and takes no session to the browser.
    reply.removeHeader('set-cookie')
    refuseCookieName(other.slice(0, other.indexOf('=')), cookieName)
  }
}

/** One cookie stays a string, as @fastify/cookie writes it. */
function replaceHeader (reply: FastifyReply, before: Header, lines: string[]): void {
  // reply.header() would append to what is there.
  reply.removeHeader('set-cookie')
  if (lines.length === 0) return
  const keepsForm = Array.isArray(before) && before.length === lines.length
  reply.header('set-cookie', lines.length === 1 && !keepsForm ? lines[0] : lines)
}

/** The line that takes a session's cookie from the browser, with the attributes it was set with. */
export function clearingCookie (
  serialize: (name: string, value: string, options: object) => string, cookieName: string, session: HostSession
): string {
  return serialize(cookieName, '', { ...cookieAttributes(session), maxAge: 0, expires: new Date(0) })
}

function linesOf (header: unknown): string[] {
  return header === undefined ? [] : [header].flat().map(String)
}
