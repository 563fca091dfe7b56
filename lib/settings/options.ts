import type { FastifyRequest } from 'fastify'
import type { FastifySessionTimeoutOptions } from '../../types/index.js'
import { second } from '../clock.js'
import { invalidOption } from '../errors.js'
import type { Limits } from '../policy.js'
import { limitsReader, refuseNoLimit, touchIntervalFor, type ResolvedLimit } from './limits.js'
import { maxDuration } from './values.js'
import { warnOfMissingUsers } from './missing-users.js'
import { resolveEach, summarise, unitWarnings, type ResolvedOptions } from './option-table.js'
import type { Predicate, ReadUser } from './option-functions.js'

/** Options of which the rest of the plugin sees what follows from them. */
type Combined = 'idleTimeout' | 'absoluteTimeout' | 'touchInterval' | 'user' | 'appliesTo' | 'countsAsActivity'

/** The options, resolved once. Raw options are not read again. */
export interface Settings extends Omit<ResolvedOptions, Combined> {
  readonly limits: (request: FastifyRequest) => Limits
  /** The idle limit where it is the same for every request. */
  readonly fixedIdle: number | false | undefined
  /** The same of the absolute limit. */
  readonly fixedAbsolute: number | false | undefined
  /** Both, where they are the same for every request. */
  readonly fixedLimits: Limits | undefined
  /** The least time between two touches where it is the same for every request. */
  readonly fixedInterval: number | undefined
  /** How long a session can stay signed in while nobody uses it, ms. */
  readonly longestLife: number
  /** The least time between two touches of a session with that idle limit. */
  readonly touchInterval: (idle: number | false) => number
  /** Null without the option: nobody knows who is signed in. */
  readonly user: ReadUser
  /** Whether the option was given. */
  readonly knowsUsers: boolean
  readonly appliesTo: Predicate
  /** Every session is timed, whoever has it. */
  readonly timesAll: boolean
  /** appliesTo looks at the request, which may not be complete when a session is loaded. */
  readonly mayContradict: boolean
  readonly countsAsActivity: Predicate
  /** What is logged at start. */
  readonly summary: Readonly<Record<string, unknown>>
  /** What is legal but probably not meant. */
  readonly warnings: readonly string[]
}

/**
 * @param hasFlash whether @fastify/flash is registered
 * @param warn says what only shows while the application runs
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
 */
export function resolveOptions (
  options: FastifySessionTimeoutOptions, hasFlash: boolean, warn: (text: string) => void
): Settings {
  const resolved = resolveEach(options, hasFlash)
  const { idleTimeout, absoluteTimeout, touchInterval: interval, user: readUser, appliesTo, ...settled } = resolved
  refuseNoLimit(idleTimeout, absoluteTimeout)
  if (interval !== undefined && typeof idleTimeout === 'number' && interval >= idleTimeout) {
    throw invalidOption('touchInterval', 'less than idleTimeout, or nothing would ever extend a session', options.touchInterval)
  }
  const user = readUser && warnOfMissingUsers(readUser, warn)
  const fixedIdle = typeof idleTimeout === 'function' ? undefined : idleTimeout
  const fixedAbsolute = typeof absoluteTimeout === 'function' ? undefined : absoluteTimeout
  const fixedInterval = fixedIdle === undefined ? interval : touchIntervalFor(fixedIdle, interval)
  return Object.freeze({
    ...settled,
    limits: limitsReader(idleTimeout, absoluteTimeout),
    fixedIdle,
    fixedAbsolute,
    fixedLimits: fixedLimits(fixedIdle, fixedAbsolute),
    fixedInterval,
    longestLife: longestLife(idleTimeout, fixedAbsolute, appliesTo !== undefined),
    touchInterval: (idle) => touchIntervalFor(idle, interval),
    user: user ?? nobodyKnown,
    knowsUsers: user !== undefined,
    appliesTo: appliesTo ?? (user ? request => user(request.session) !== null : always),
    timesAll: user === undefined && appliesTo === undefined,
    mayContradict: appliesTo !== undefined,
    countsAsActivity: settled.countsAsActivity ?? always,
    summary: Object.freeze({
      ...summarise(resolved),
      touchInterval: fixedInterval ?? 'per request',
      appliesTo: appliesTo ? 'some sessions' : user ? 'sessions of a user' : 'every session'
    }),
    warnings: [...unitWarnings(options), ...warningsFor(settled.warnBefore, idleTimeout, absoluteTimeout, interval)]
  } satisfies Settings)
}

function fixedLimits (idle: number | false | undefined, absolute: number | false | undefined): Limits | undefined {
  return idle === undefined || absolute === undefined ? undefined : Object.freeze({ idle, absolute })
}

function longestLife (idle: ResolvedLimit, fixedAbsolute: number | false | undefined, mayBeUntimed: boolean): number {
  if (mayBeUntimed || fixedAbsolute === undefined) return maxDuration
  if (fixedAbsolute !== false) return fixedAbsolute
  return typeof idle === 'number' ? idle : maxDuration
}

function always (): boolean {
  return true
}

function nobodyKnown (): null {
  return null
}

function warningsFor (
  warnBefore: number, idleTimeout: ResolvedLimit, absoluteTimeout: ResolvedLimit, touchInterval = 0
): string[] {
  const warnings = []
  if (warnBefore < 20 * second) warnings.push('warnBefore is under 20 s: WCAG 2.2.1 gives users at least that long to extend')
  if (typeof absoluteTimeout === 'number') {
    if (typeof idleTimeout === 'number' && absoluteTimeout < idleTimeout) {
      warnings.push('absoluteTimeout is below idleTimeout: no session lives long enough to be idle for that long')
    }
    if (idleTimeout === false && warnBefore >= absoluteTimeout) {
      warnings.push('warnBefore is not below absoluteTimeout: the warning is due as soon as the session starts')
    }
  }
  if (typeof idleTimeout !== 'number') return warnings
  if (warnBefore >= idleTimeout) warnings.push('warnBefore is not below idleTimeout: the warning is due as soon as the session starts')
  else if (touchInterval >= idleTimeout - warnBefore) warnings.push('touchInterval is not below idleTimeout - warnBefore: users who are active will be warned')
  else if (touchInterval > idleTimeout / 2) warnings.push('touchInterval is above half of idleTimeout: users may be signed out after half of it')
  return warnings
}
