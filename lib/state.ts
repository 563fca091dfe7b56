import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EndedReason } from '../types/index.js'
import type { Engine } from './engine.js'
import type { Limits, Record } from './policy.js'
import { sessionOf } from './record.js'
import type { RouteRules } from './route-config.js'

/** What this plugin knows of one request. */
export interface RequestState {
  readonly reply: FastifyReply
  /** When the request arrived, epoch ms. */
  readonly at: number
  /** The session cookie that came with the request. */
  readonly cookie: string | undefined
  readonly route: RouteRules | undefined
  ended: EndedReason | null
  /** Whether onTimeout has answered the request. */
  replied: boolean
  /** The record in force: it may be newer than the one in request.session. Null for a session that is not timed. */
  record: Record | null
  limits: Limits | null
  /** The id under which the store has this request's session; undefined for one that was never stored. */
  storedId: string | undefined
  /** The id that the browser's cookie already holds. */
  presentedId: string | undefined
  /** A touch asked for the cookie to be sent again. */
  sendCookie: boolean
  /** Which lines of the session's cookie may not leave: those that would revive it, or all of them. */
  withhold: 'none' | 'revival' | 'all'
}

/** Where the state of a request is kept. */
export const stateKey = Symbol('fastify-session-timeout.state')

type WithState = FastifyRequest & { [stateKey]: RequestState | null }

export function stateOf (request: FastifyRequest): RequestState | null {
  return (request as WithState)[stateKey]
}

export function createState (request: FastifyRequest, reply: FastifyReply, at: number, cookie: string | undefined, route: RouteRules | undefined): RequestState {
  const state: RequestState = {
    reply,
    at,
    cookie,
    route,
    ended: null,
    replied: false,
    record: null,
    limits: null,
    storedId: undefined,
    presentedId: undefined,
    sendCookie: false,
    withhold: 'none'
  }
  ;(request as WithState)[stateKey] = state
  return state
}

/** Whether the session that request.session now is has a clock and is not known to have ended. */
export function isTimed (engine: Engine, request: FastifyRequest, state: RequestState): boolean {
  return state.record !== null && state.storedId !== undefined && state.storedId === sessionOf(request)?.sessionId && !engine.recent.has(state.storedId)
}

/** The request goes on, but its session is over: nothing of it is written or sent. */
export function letGo (state: RequestState): void {
  state.withhold = 'revival'
  state.record = null
}
