import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createGuardedStore, type GuardedStore } from './guarded-store.js'
import type { Settings } from './options.js'
import type { Outcome } from './ending.js'
import type { Limits, Record } from './policy.js'
import { createRecentEnds, type RecentEnds } from './recent-ends.js'
import { adopt, findSlots, type HostSession, type Slots } from './record.js'
import { RequestStore } from './request-store.js'
import type { RequestState } from './state.js'
import type { RouteRules } from './route-config.js'

/**
 * What one registration of the plugin shares between its requests:
 * no state per session but work in flight and bounded caches.
 */
export interface Engine {
  readonly app: FastifyInstance
  readonly settings: Settings
  readonly recent: RecentEnds
  /** Touches and ends being written, by session id. */
  readonly touches: Map<string, Promise<Record | null>>
  readonly endings: Map<string, Promise<Outcome>>
  /** Called with the id of every session that ends in this process, or that it finds gone. */
  readonly endListeners: Set<(id: string) => void>
  /** Known from the first session on. */
  host: Host | undefined
}

/** @fastify/session as found at run time. */
export interface Host {
  readonly slots: Slots
  readonly store: GuardedStore
}

export function createEngine (app: FastifyInstance, settings: Settings): Engine {
  return { app, settings, recent: createRecentEnds(), touches: new Map(), endings: new Map(), endListeners: new Set(), host: undefined }
}

/** Puts a session behind the guard. @throws FST_SESSION_TIMEOUT_NO_SESSION */
export function guard (engine: Engine, session: HostSession, request: FastifyRequest, state: RequestState): Host {
  const host = engine.host ??= findHost(engine, session, request)
  adopt(session, host.slots, new RequestStore(engine, host.store, state))
  return host
}

function findHost (engine: Engine, session: HostSession, request: FastifyRequest): Host {
  return { slots: findSlots(session, request), store: createGuardedStore(request.sessionStore, engine.recent) }
}

/** The limits of this request: a route's can only be stricter. @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function limitsOf (engine: Engine, request: FastifyRequest, route: RouteRules | undefined): Limits {
  return tighten(engine.settings.limits(request), route)
}

export function tighten (limits: Limits, route: RouteRules | undefined): Limits {
  if (route?.idle === undefined) return limits
  return { idle: limits.idle === false ? route.idle : Math.min(limits.idle, route.idle), absolute: limits.absolute }
}

/** Tells everyone in this process that a session is over. */
export function announceEnd (engine: Engine, id: string): void {
  for (const listener of engine.endListeners) listener(id)
}
