import type { FastifyRequest } from 'fastify'
import { invalidOption } from './errors.js'
import { duration, refuseUnknown, resolveAnswer, type Answer } from './options.js'

/** `config.sessionTimeout` of a route, resolved. */
export interface RouteRules {
  /** False: not checked, extends nothing. */
  readonly checked: boolean
  readonly idle: number | undefined
  readonly countsAsActivity: boolean | undefined
  readonly afterTimeout: Answer | undefined
}

const unchecked: RouteRules = Object.freeze({ checked: false, idle: undefined, countsAsActivity: undefined, afterTimeout: undefined })
const resolved = new WeakMap<object, RouteRules>()

/**
 * @returns undefined for a route without a config of its own
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
 */
export function resolveRouteConfig (value: unknown): RouteRules | undefined {
  if (value === undefined) return undefined
  if (value === false) return unchecked
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidOption('config.sessionTimeout', 'false or { idleTimeout, countsAsActivity, afterTimeout }', value)
  }
  const known = resolved.get(value)
  if (known) return known
  const { idleTimeout, countsAsActivity, afterTimeout, ...rest } = value as Record<string, unknown>
  refuseUnknown('config.sessionTimeout', rest)
  if (countsAsActivity !== undefined && typeof countsAsActivity !== 'boolean') {
    throw invalidOption('config.sessionTimeout.countsAsActivity', 'true or false', countsAsActivity)
  }
  const rules = Object.freeze({
    checked: true,
    idle: idleTimeout === undefined ? undefined : duration('config.sessionTimeout.idleTimeout', idleTimeout),
    countsAsActivity,
    afterTimeout: afterTimeout === undefined ? undefined : resolveAnswer('config.sessionTimeout.afterTimeout', afterTimeout)
  })
  resolved.set(value, rules)
  return rules
}

/** The rules of the route that the router chose, never of what the raw URL looks like. */
export function routeRules (request: FastifyRequest): RouteRules | undefined {
  // A 404 has no config.
  return resolveRouteConfig(request.routeOptions.config?.sessionTimeout)
}
