import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { now } from '../clock.js'
import { endedError, StoreError } from '../errors.js'
import { clearingCookie } from '../request/cookie.js'
import { note } from '../request/response-notes.js'
import { refreshStaleRecord } from '../session/refresh-record.js'
import type { Registration } from '../session/registration.js'
import { touchAt } from '../session/touch.js'
import { visitOf } from '../session/visit.js'
import { sessionOf } from '../store/host-session.js'
import { acceptAnyBody, readTypeLoosely, type Report } from './body.js'
import { buildClientFile, readDisplayFile, readLanguageFiles } from './client-file.js'
import { resumedPage } from './resumed-page.js'
import { answerBeforeGuards, watchForeignAnswers } from './guards.js'
import { createCrossSiteHook } from './same-origin.js'
import { chooseVariant, type StaticFile } from './static-file.js'
import { statusOf, type Status } from './status.js'

interface Call {
  Querystring: { page?: unknown }
  Body: Report | null
}

/** Status, extend, sign out, and the browser client. */
export async function registerRoutes (
  app: FastifyInstance, { registration, endpoint }: { registration: Registration, endpoint: string }
): Promise<void> {
  const { settings: { warnBefore, cookieName, trustedOrigins } } = registration
  const client = buildClientFile(registration.settings)
  const display = readDisplayFile()
  const languages = readLanguageFiles()
  const onRequest = [createCrossSiteHook(trustedOrigins), readTypeLoosely]
  acceptAnyBody(app)
  const noteAnswer = watchForeignAnswers(app, registration)
  answerBeforeGuards(app)
  // The application's own, also one that is set later.
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error.code?.startsWith('FST_SESSION_TIMEOUT')) noteAnswer(request)
    return registration.app.errorHandler(error, request, reply)
  })
  // Asking is no activity, and the answer is the status whatever pages of the application get.
  const config = { sessionTimeout: { countsAsActivity: false, afterTimeout: 'continue' as const } }

  const asked = { config, exposeHeadRoute: true, schema: hidden() }
  app.get<Call>(endpoint, asked, async function getStatus (request, reply) {
    reply.header('cache-control', 'no-store')
    await refreshTiming(request)
    return answer(request)
  })

  app.post<Call>(endpoint, { config, onRequest, schema: hidden() }, async function extendSession (request, reply) {
    reply.header('cache-control', 'no-store')
    const timing = visitOf(request)?.liveTiming(now())
    // Expiry was decided before the client's word is read: a late call revives nothing.
    if (!timing) refuseEnded(request, reply)
    // Another user's page has no say in this session.
    const status = answer(request)
    if (!status.yours) return status
    try {
      await touchAt(timing.visit, now() - (request.body?.idleFor ?? 0))
    } catch (error) {
      if (timing.visit.ended !== null) refuseEnded(request, reply)
      throw error instanceof StoreError ? error : new StoreError({ cause: error })
    }
    return answer(request)
  })

  app.delete<Call>(endpoint, { config, onRequest, schema: hidden() }, async function signOut (request, reply) {
    reply.header('cache-control', 'no-store')
    await destroySession(request, reply)
    return reply.code(204).send()
  })

  // What is the same for everybody is asked for anew at every load: a new policy, or a fix, must not come a day late.
  const file = { config: { sessionTimeout: false as const }, exposeHeadRoute: true, schema: hidden() }

  app.get(`${endpoint}/client.js`, file, async function sendClient (request, reply) {
    return sendFile(request, reply, 'text/javascript', client)
  })

  app.get(`${endpoint}/display.js`, file, async function sendDisplay (request, reply) {
    return sendFile(request, reply, 'text/javascript', display)
  })

  app.get<{ Params: { language: string } }>(`${endpoint}/languages/:language.json`, file, async function sendLanguage (request, reply) {
    const texts = languages.get(request.params.language)
    return texts === undefined ? reply.callNotFound() : sendFile(request, reply, 'application/json', texts)
  })

  app.get(`${endpoint}/resumed`, file, async function sendResumed (request, reply) {
    return sendFile(request, reply, 'text/html', resumedPage)
  })

  /** What a page is told of the time left decides what its user sees: other processes may have moved the record. */
  async function refreshTiming (request: FastifyRequest): Promise<void> {
    const timing = visitOf(request)?.liveTiming(now())
    if (!timing) return
    try {
      await refreshStaleRecord(timing.visit.host.sessions, timing.session)
    } catch (cause) {
      throw new StoreError({ cause })
    }
  }

  function answer (request: FastifyRequest<Call>): Status {
    const { page } = request.query
    return statusOf(request, warnBefore, page === undefined ? undefined : String(page))
  }

  /** @throws FST_SESSION_TIMEOUT_ENDED */
  function refuseEnded (request: FastifyRequest, reply: FastifyReply): never {
    const visit = visitOf(request)
    // The refused client asks for the reason next: with the cookie that it has, which @fastify/session would clear.
    if (visit?.ended) note(reply, { keepCookie: true })
    reply.header('www-authenticate', 'Session')
    throw endedError(visit?.ended ?? 'missing')
  }

  async function destroySession (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const session = sessionOf(request)
    // Outside the cookie's path there is no session to end.
    const visit = visitOf(request)
    if (session === undefined || visit === undefined) return
    if (visit.current !== null || visit.missingId !== undefined) {
      try {
        await session.destroy()
      } catch (cause) {
        throw new StoreError({ cause })
      }
    }
    note(reply, { keepCookie: false })
    reply.header('set-cookie', clearingCookie(app.serializeCookie, cookieName, session))
  }
}

/**
 * The schema of each route leaves it out of API descriptions. It has nothing in it that compilers or transforms of the
 * application could read: they may expect another kind of schema.
 */
function hidden (): FastifySchema {
  return { hide: true } as FastifySchema
}

/** The same for everybody, whatever cookie it was asked for with. */
function sendFile (
  request: FastifyRequest, reply: FastifyReply, type: string, file: StaticFile
): FastifyReply {
  const { encoding, body, etag } = chooseVariant(file, request.headers['accept-encoding'])
  note(reply, { shared: true })
  reply.headers({ etag, vary: 'accept-encoding', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
  // Compressed once, when the plugin is registered; what compresses responses leaves these alone.
  if (encoding !== null) reply.header('content-encoding', encoding)
  if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send()
  return reply.type(`${type}; charset=utf-8`).send(body)
}
