import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SerializeOptions } from '@fastify/cookie'
import { buildClientFile } from './client-file.js'
import { now } from './clock.js'
import { readLanguageFiles } from './endpoint/language-files.js'
import { isPageOf } from './endpoint/page-tag.js'
import { resumedPage } from './endpoint/resumed-page.js'
import type { Engine } from './engine.js'
import { endedError, StoreError } from './errors.js'
import { deadlines } from './policy.js'
import { sessionOf, signerOf } from './record.js'
import { refuseCrossSite } from './same-origin.js'
import { tagFor, userOf } from './server-timing.js'
import { isTimed, stateOf } from './state.js'
import { touchAt } from './view.js'

/** What GET and POST answer. Ms, always relative, so that the client's clock does not matter; null for no such limit. */
interface Status {
  active: boolean
  remaining: number | null
  idleRemaining: number | null
  absoluteRemaining: number | null
  warnBefore: number
  /** Whether an activity would still put the warning off. */
  canExtend: boolean
  ended: string | null
  /** Whether the user who is signed in is the one of the page that asks, by its tag; true without a tag. */
  yours: boolean
  /** A fresh tag for a page that has none. */
  page: string | null
}

const msOrNull = { type: ['number', 'null'] }
const textOrNull = { type: ['string', 'null'] }
const statusSchema = {
  type: 'object',
  properties: {
    active: { type: 'boolean' },
    remaining: msOrNull,
    idleRemaining: msOrNull,
    absoluteRemaining: msOrNull,
    warnBefore: { type: 'number' },
    canExtend: { type: 'boolean' },
    ended: textOrNull,
    yours: { type: 'boolean' },
    page: textOrNull
  }
}

// The body is optional; Fastify validates a missing one as null.
const extendSchema = { type: ['object', 'null'], properties: { idleFor: { type: 'number', minimum: 0 } } }

function validateExtend (body: unknown): boolean | { error: Error } {
  if (body === null) return true
  const idleFor = typeof body === 'object' && !Array.isArray(body) ? (body as { idleFor?: unknown }).idleFor ?? 0 : undefined
  if (typeof idleFor === 'number' && idleFor >= 0 && idleFor < Infinity) return true
  return { error: new Error('body must be empty or { idleFor }, a number of milliseconds that is not negative') }
}

/** Status, extend, sign out, and the browser client. */
export async function registerRoutes (app: FastifyInstance, { engine, endpoint }: { engine: Engine, endpoint: string }): Promise<void> {
  const client = buildClientFile(engine.settings)
  // The schemas describe the routes. The compilers of the application may expect another kind of schema, or turn rubbish into numbers.
  app.setValidatorCompiler(() => validateExtend)
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  // Asking is no activity, and the answer is the status whatever pages of the application get.
  const config = { sessionTimeout: { countsAsActivity: false, afterTimeout: 'continue' as const } }

  app.get(endpoint, { config, exposeHeadRoute: true, schema: { response: { 200: statusSchema } } }, async function getStatus (request, reply) {
    reply.header('cache-control', 'no-store')
    return statusOf(request)
  })

  app.post<{ Body: { idleFor?: number } | null }>(endpoint, { config, onRequest: refuseCrossSite, schema: { body: extendSchema, response: { 200: statusSchema } } }, async function extendSession (request, reply) {
    reply.header('cache-control', 'no-store')
    const state = stateOf(request)
    // Expiry was decided before the client's word is read: a late call revives nothing.
    if (state === null || !isTimed(engine, request, state)) {
      // The refused client asks for the reason next: with the cookie that it has, which @fastify/session would clear.
      if (state?.ended) state.withhold = 'all'
      reply.header('www-authenticate', 'Session')
      throw endedError(state?.ended ?? 'missing')
    }
    // Another user's page keeps nobody signed in.
    if (isYours(request)) await touchAt(engine, request, now() - (request.body?.idleFor ?? 0))
    return statusOf(request)
  })

  app.delete(endpoint, { config, onRequest: refuseCrossSite, schema: { response: { 204: { type: 'null' } } } }, async function signOut (request, reply) {
    reply.header('cache-control', 'no-store')
    await destroySession(request, reply)
    return reply.code(204).send()
  })

  app.get(`${endpoint}/client.js`, { config: { sessionTimeout: false }, exposeHeadRoute: true, schema: {} }, async function sendClient (request, reply) {
    reply.headers({ etag: client.etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    if (request.headers['if-none-match']?.includes(client.etag)) return reply.code(304).send()
    return reply.type('text/javascript; charset=utf-8').send(client.body)
  })

  const languages = readLanguageFiles()
  app.get<{ Params: { language: string } }>(`${endpoint}/languages/:language.json`, { config: { sessionTimeout: false }, schema: {} }, async function sendLanguage (request, reply) {
    const file = languages.get(request.params.language)
    if (file === undefined) return reply.callNotFound()
    reply.headers({ etag: file.etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    if (request.headers['if-none-match']?.includes(file.etag)) return reply.code(304).send()
    return reply.type('application/json; charset=utf-8').send(file.body)
  })

  app.get(`${endpoint}/resumed`, { config, schema: {} }, async function sendResumed (_request, reply) {
    reply.headers({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    return reply.type('text/html; charset=utf-8').send(resumedPage)
  })

  function pageOf (request: FastifyRequest): string | undefined {
    const { page } = request.query as { page?: unknown }
    return page === undefined ? undefined : String(page)
  }

  function isYours (request: FastifyRequest): boolean {
    const page = pageOf(request)
    if (page === undefined) return true
    const session = sessionOf(request)
    const signer = session && signerOf(session, engine.host!.slots)
    return signer !== undefined && isPageOf(signer, page, userOf(engine, request))
  }

  function statusOf (request: FastifyRequest): Status {
    const { warnBefore } = engine.settings
    const state = stateOf(request)
    if (state === null || !isTimed(engine, request, state)) {
      return { active: false, remaining: null, idleRemaining: null, absoluteRemaining: null, warnBefore, canExtend: false, ended: state?.ended ?? null, yours: pageOf(request) === undefined, page: null }
    }
    const { first, idle, absolute } = deadlines(state.record!, state.limits!)
    const at = now()
    return {
      active: true,
      remaining: left(first),
      idleRemaining: left(idle),
      absoluteRemaining: left(absolute),
      warnBefore,
      canExtend: idle < absolute && absolute - at > warnBefore,
      ended: null,
      yours: isYours(request),
      page: pageOf(request) === undefined ? tagFor(engine, request) : null
    }

    function left (deadline: number): number | null {
      return deadline === Infinity ? null : Math.max(0, deadline - at)
    }
  }

  async function destroySession (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const session = sessionOf(request)
    // Outside the cookie's path there is no session to end.
    if (session === undefined) return
    const { path, domain, secure, httpOnly, sameSite, partitioned } = session.cookie as SerializeOptions
    if (stateOf(request)!.storedId === session.sessionId) {
      try {
        await session.destroy()
      } catch (cause) {
        throw new StoreError({ cause })
      }
    }
    // A browser drops a cookie only when it is told with the attributes it was set with.
    reply.clearCookie(engine.settings.cookieName, Object.fromEntries(
      Object.entries({ path, domain, secure, httpOnly, sameSite, partitioned }).filter(([, value]) => value != null)))
  }
}
