import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { SessionStore } from '@fastify/session'
import { NoSessionError } from '../errors.js'
import type { Settings } from '../settings/options.js'
import type { RouteRules } from '../settings/route-rules.js'
import { findSlots, sessionOf, storeIn, type HostSession, type Slots } from '../store/host-session.js'
import type { EndBusLink } from './end-bus.js'
import { sessionsOf, type Sessions } from './sessions.js'

/** Loads the session of that signed id into `request.session`; a new one where there is none. */
export type DecryptSession = (signedId: string, request: FastifyRequest, callback: (error?: unknown) => void) => void

/** One registration of the plugin. */
export interface Registration {
  readonly app: FastifyInstance
  readonly settings: Settings
  /** @fastify/session's own, which knows of no deadline. */
  readonly decryptSession: DecryptSession
  /** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
  readonly rulesOf: (request: FastifyRequest) => RouteRules | undefined
  /** The link by which processes notify each other of ends. */
  readonly busLink: EndBusLink | undefined
  /** Known from the first session on. */
  host: Host | undefined
  /** An id as the application makes them; undefined where that takes a request. */
  sampleId: string | undefined
  readonly loggedWarnings: LoggedWarnings
}

/** What is said once. */
export interface LoggedWarnings {
  /** That appliesTo contradicts itself. */
  contradiction: boolean
  /** That a cookie is lost, since it is Secure or since its response is public. */
  lostCookie: boolean
  publicSignIn: boolean
  /** That a cookie is sent without Secure over what is TLS for the browser. */
  insecureCookie: boolean
  /** That a hook of the application answers in the place of the endpoint. */
  foreignAnswer: boolean
}

export function noLoggedWarnings (): LoggedWarnings {
  return { contradiction: false, lostCookie: false, publicSignIn: false, insecureCookie: false, foreignAnswer: false }
}

/** @fastify/session as found at run time. */
export interface Host {
  readonly slots: Slots
  readonly sessions: Sessions
}

/**
 * @param onSuccessor called when a session of that request makes another one that is to take its place
 * @throws FST_SESSION_TIMEOUT_NO_SESSION
 */
export function hostOf (
  registration: Registration, request: FastifyRequest, session: HostSession,
  onSuccessor: (request: FastifyRequest) => void
): Host {
  const { sessionStore: store } = request
  if (registration.host === undefined) {
    const slots = findSlots(session, store, onSuccessor)
    const makeId = (): string => registration.sampleId ?? slots.createId(request)
    registration.host = { slots, sessions: sessionsFor(registration, store, makeId) }
  }
  return registration.host
}

/**
 * The sessions of the host's store, also before the first request has come.
 * @throws FST_SESSION_TIMEOUT_NO_SESSION
 */
export async function findSessions (registration: Registration): Promise<Sessions> {
  if (registration.host !== undefined) return registration.host.sessions
  const session = await new Promise<HostSession | undefined>((resolve, reject) => {
    openEmptySession(registration, (error, opened) => error ? reject(error) : resolve(opened))
  })
  const store = session && storeIn(session)
  if (!store) throw new NoSessionError('The store of @fastify/session was not found')
  return sessionsFor(registration, store, () => session.sessionId)
}

/** A session without a user, for a request that is made up: the host makes it in its usual way, and it is never stored. */
export function openEmptySession (
  { app, decryptSession }: Registration, done: (error: unknown, session?: HostSession) => void
): void {
  const request = { headers: {}, cookies: {}, protocol: 'http', server: app } as unknown as FastifyRequest
  decryptSession('', request, error => done(error, sessionOf(request)))
}

/** @param makeId makes an id that no session has */
function sessionsFor ({ app, busLink }: Registration, store: SessionStore, makeId: () => string): Sessions {
  const sessions = sessionsOf(store, app.log, makeId)
  busLink?.attach(sessions)
  return sessions
}
