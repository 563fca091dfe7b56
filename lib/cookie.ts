import type { FastifyReply, FastifyRequest } from 'fastify'
import { now } from './clock.js'
import type { Engine } from './engine.js'
import { readStored } from './guarded-store.js'
import { deadlines } from './policy.js'
import { prefixOf, sessionOf, type HostSession } from './record.js'
import { tellTimeLeft } from './server-timing.js'
import { createState, stateOf, type RequestState } from './state.js'

type Header = ReturnType<FastifyReply['getHeader']>

/**
 * The onSend hook. It runs after @fastify/session's, which has saved the session and written its cookie
 * into the header by then: reply.setCookie would add a second line, so the line in the header is rewritten.
 */
export function createCookieHook (engine: Engine): (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: () => void) => void {
  const { cookieName, rolling, sessionOnly, endpoint } = engine.settings
  const start = `${cookieName}=`
  const clearing = `${cookieName}=;`

  return function finishCookie (request, reply, _payload, done) {
    // A hook before ours may have replied: its response's cookie has attributes too.
    const state = stateOf(request) ?? createState(request, reply, now(), undefined, undefined)
    if (!state.sendCookie) {
      finish(request, reply, state)
      return done()
    }
    // A slow handler: the session may have ended elsewhere since its touch, and the browser have a newer cookie.
    readStored(engine.host!.store, state.presentedId!).catch(() => undefined).then(stored => {
      state.sendCookie = stored !== undefined
      finish(request, reply, state)
      done()
    })
  }

  function finish (request: FastifyRequest, reply: FastifyReply, state: RequestState): void {
    const session = sessionOf(request)
    const header = reply.getHeader('set-cookie')
    if (header !== undefined || state.sendCookie) rewrite(request, reply, header, state, session)
    if (endpoint !== false && state.record !== null && session !== undefined && state.storedId === session.sessionId) tellTimeLeft(engine, request, reply, state)
  }

  function rewrite (request: FastifyRequest, reply: FastifyReply, header: Header, state: RequestState, session: HostSession | undefined): void {
    const lines = header === undefined ? [] : Array.isArray(header) ? header : [String(header)]
    // Of several lines for the session cookie, browsers keep the last one.
    const last = lines.findLastIndex(line => line.startsWith(start))
    const own = choose(request, lines[last], state, session)
    const kept = lines.flatMap((line, index) => !line.startsWith(start) ? line : index === last ? own ?? [] : [])
    if (last === -1 && own !== undefined) kept.push(own)
    // reply.header() would append to what is there.
    reply.removeHeader('set-cookie')
    if (kept.length > 0) reply.header('set-cookie', kept.length === lines.length && Array.isArray(header) ? kept : kept.length === 1 ? kept[0] : kept)
  }

  function choose (request: FastifyRequest, line: string | undefined, state: RequestState, session: HostSession | undefined): string | undefined {
    if (state.withhold === 'all') return undefined
    const presented = session !== undefined && session.sessionId === state.presentedId
    const ended = state.withhold !== 'none' || (session !== undefined && engine.recent.has(session.sessionId))
    if (line === undefined) {
      return presented && !ended && state.sendCookie ? setLifetime(lineFor(request, state, session), state) : undefined
    }
    const resigned = presented && !state.cookie!.endsWith(session.encryptedSessionId)
    if (line.startsWith(clearing)) {
      // An older secret signed the cookie of this live session: @fastify/session takes it for another one and clears it.
      return resigned && !ended ? setLifetime(lineFor(request, state, session), state) ?? line : line
    }
    if (ended || (presented && !rolling && !resigned)) return undefined
    return setLifetime(line, state)
  }

  /** The cookie that the browser has, signed with the current secret, with the attributes that @fastify/session gives it. */
  function lineFor (request: FastifyRequest, state: RequestState, session: HostSession): string | undefined {
    const attributes = (session.cookie as unknown as { toJSON (): { secure: boolean | null } }).toJSON()
    // As @fastify/session: a Secure cookie does not travel over plain http.
    if (attributes.secure === true && request.protocol !== 'https') return undefined
    return engine.app.serializeCookie(cookieName, prefixOf(state.cookie!, session) + session.encryptedSessionId, attributes as object)
  }

  function setLifetime (line: string | undefined, state: RequestState): string | undefined {
    if (line === undefined || (!sessionOnly && state.record === null)) return line
    const bare = line.split('; ').filter(attribute => !/^(?:expires|max-age)=/i.test(attribute)).join('; ')
    if (sessionOnly) return bare
    const seconds = Math.max(0, Math.ceil((deadlines(state.record!, state.limits!).first - now()) / 1000))
    return `${bare}; Max-Age=${seconds}; Expires=${new Date(now() + seconds * 1000).toUTCString()}`
  }
}
