import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { second } from '../clock.js'
import { InvalidOptionError, invalidOption } from '../errors.js'
import { resolveAfterTimeout, type EndedAnswer } from './after-timeout.js'
import type { Settings } from './options.js'
import { suggest } from './suggestions.js'
import { duration, refuseUnknown, warningsOfSeconds, toMs } from './values.js'

/** `config.sessionTimeout` of a route, resolved. */
export interface RouteRules {
  /** False: not checked, extends nothing. */
  readonly checked: boolean
  readonly idle: number | undefined
  /** How recent the sign-in has to be, ms. */
  readonly signedInWithin: number | undefined
  readonly countsAsActivity: boolean | undefined
  readonly afterTimeout: EndedAnswer | undefined
}

const key = 'sessionTimeout'
const names = 'idleTimeout, countsAsActivity, afterTimeout, signedInWithin'

const unchecked: RouteRules = Object.freeze({
  checked: false, idle: undefined, signedInWithin: undefined, countsAsActivity: undefined, afterTimeout: undefined
})

/** Reads the rules of routes. */
export interface RouteRulesReader {
  /**
   * @returns undefined for a route without a config of its own
   * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
   */
  resolve (config: unknown): RouteRules | undefined
  /** The same for a route that is added; the error names it. @throws as resolve */
  check (route: { method: string | string[], url: string, config?: object }): void
  /** The rules of the route that the router chose, never of what the raw URL looks like. @throws as resolve */
  of (request: FastifyRequest): RouteRules | undefined
}

export function createRouteRulesReader (settings: Settings, log: FastifyBaseLogger): RouteRulesReader {
  const known = new WeakMap<object, RouteRules>()
  return {
    resolve,
    check,
    // A 404 has no config.
    of: request => resolve(request.routeOptions.config?.sessionTimeout)
  }

  function check ({ method, url, config = {} }: Parameters<RouteRulesReader['check']>[0]): void {
    const route = `${[method].flat().join(', ')} ${url}`
    for (const name of Object.keys(config)) {
      if (name === key || suggest(name, [key]) === undefined) continue
      throw new InvalidOptionError(`config.${name} of ${route} must be left out: there is no such option. Did you mean ${key}?`)
    }
    try {
      resolve((config as { [key]?: unknown })[key])
    } catch (error) {
      const refusal = error as Error
      refusal.message = refusal.message.replace(/^(\S+)/, `$1 of ${route.replaceAll('$', '$$$$')}`)
      throw refusal
    }
  }

  function resolve (config: unknown): RouteRules | undefined {
    if (config === undefined) return undefined
    if (config === false) return unchecked
    if (config === null || typeof config !== 'object' || Array.isArray(config)) {
      throw invalidOption('config.sessionTimeout', `false or { ${names} }`, config)
    }
    let rules = known.get(config)
    if (rules === undefined) known.set(config, rules = rulesFor(config, settings, log))
    return rules
  }
}

function rulesFor (config: object, settings: Settings, log: FastifyBaseLogger): RouteRules {
  const { idleTimeout, countsAsActivity, afterTimeout, signedInWithin, ...rest } = config as Record<string, unknown>
  refuseUnknown('config.sessionTimeout', rest, names.split(', '))
  if (countsAsActivity !== undefined && typeof countsAsActivity !== 'boolean') {
    throw invalidOption('config.sessionTimeout.countsAsActivity', 'true or false', countsAsActivity)
  }
  warnOfSignedInWithin(signedInWithin, settings, log)
  return Object.freeze({
    checked: true,
    idle: idleTimeout === undefined ? undefined : resolveIdle(idleTimeout, settings, log),
    signedInWithin: signedInWithin === undefined ? undefined : duration('config.sessionTimeout.signedInWithin', signedInWithin),
    countsAsActivity,
    afterTimeout: afterTimeout === undefined ? undefined : resolveAfterTimeout('config.sessionTimeout.afterTimeout', afterTimeout)
  })
}

/** A limit that would end users who are active, or that would mean nothing, is refused where that can be known. */
function resolveIdle (value: unknown, { fixedIdle, fixedInterval }: Settings, log: FastifyBaseLogger): number {
  const option = 'config.sessionTimeout.idleTimeout'
  const idle = duration(option, value)
  // Activities elsewhere move lastActivity no oftener than that.
  if (fixedInterval !== undefined && idle <= fixedInterval) {
    throw invalidOption(option, `above touchInterval (${fixedInterval} ms), or users who are active would be signed out`, value)
  }
  if (typeof fixedIdle === 'number' && idle > fixedIdle) {
    throw invalidOption(option, `at most idleTimeout (${fixedIdle} ms): a route's can only be stricter`, value)
  }
  if (fixedIdle === undefined) {
    log.warn(`fastify-session-timeout: ${option} of a route is ${idle} ms, beside an idleTimeout that differs by request: ` +
      'it must be above touchInterval, or users who are active are signed out, and it changes nothing where it is the laxer one')
  }
  return idle
}

function warnOfSignedInWithin (value: unknown, { fixedAbsolute }: Settings, log: FastifyBaseLogger): void {
  const option = 'config.sessionTimeout.signedInWithin'
  const warnings = warningsOfSeconds(option, value, 10 * second)
  const ms = toMs(value)
  if (ms !== undefined && typeof fixedAbsolute === 'number' && ms >= fixedAbsolute) {
    warnings.push(`${option} is not below absoluteTimeout (${fixedAbsolute} ms): no session is ever too old for it`)
  }
  for (const warning of warnings) log.warn(`fastify-session-timeout: ${warning}`)
}
