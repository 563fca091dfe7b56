import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySessionTimeoutOptions, SessionEndBus, SessionTimeout } from '../../types/index.js'
import { hour, minute, second } from '../clock.js'
import { invalidOption } from '../errors.js'
import type { Limits } from '../policy.js'
import { resolveAfterTimeout, type EndedAnswer } from './after-timeout.js'
import { resolveFlash, type FlashSettings } from './flash.js'
import { limitsReader, refuseNoLimit, resolveLimit, touchIntervalFor, type ResolvedLimit } from './limits.js'
import { isReturnPath } from './return-path.js'
import { duration, durationOrZero, flag, fn, withDefault, maxDuration, refuseUnknown, warningsOfSeconds } from './values.js'
import { warnOfMissingUsers } from './missing-users.js'
import { resolvePredicate, resolveUser, type Predicate, type ReadUser } from './option-functions.js'

/** The options, resolved once. Raw options are not read again. */
export interface Settings {
  readonly limits: (request: FastifyRequest) => Limits
  /** The idle limit where it is the same for every request. */
  readonly fixedIdle: number | false | undefined
  /** The same of the absolute limit. */
  readonly fixedAbsolute: number | false | undefined
  /** Both, where they are the same for every request. */
  readonly fixedLimits: Limits | undefined
  /** The least time between two touches where it is the same for every request. */
  readonly fixedInterval: number | undefined
  readonly warnBefore: number
  /** How long a session can stay signed in while nobody uses it, ms. */
  readonly longestLife: number
  /** The least time between two touches of a session with that idle limit. */
  readonly touchInterval: (idle: number | false) => number
  readonly storeGrace: number
  readonly rolling: boolean
  readonly sessionOnly: boolean
  readonly cookieName: string
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
  readonly afterTimeout: EndedAnswer
  readonly onTimeout: ((request: FastifyRequest, reply: FastifyReply, timeout: SessionTimeout) => unknown) | undefined
  readonly flash: FlashSettings | false
  readonly endpoint: string | false
  /** As browsers write them in Origin. */
  readonly trustedOrigins: ReadonlySet<string>
  readonly endBus: SessionEndBus | undefined
  /** What is logged at start. */
  readonly summary: Readonly<Record<string, unknown>>
  /** What is legal but probably not meant. */
  readonly warnings: readonly string[]
}

const optionNames = new Set<string>([
  'idleTimeout', 'absoluteTimeout', 'warnBefore', 'touchInterval', 'rolling', 'sessionOnly', 'cookieName', 'user', 'appliesTo',
  'storeGrace', 'trustedOrigins', 'countsAsActivity', 'afterTimeout', 'onTimeout', 'flash', 'endBus', 'endpoint'
] satisfies Array<keyof FastifySessionTimeoutOptions>)

// What fastify.register itself takes; it hands them on.
const registerOptionNames = new Set(['prefix', 'logLevel', 'logSerializers', 'encapsulate'])

/**
 * @param hasFlash whether @fastify/flash is registered
 * @param warn says what only shows while the application runs
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
 */
export function resolveOptions (
  options: FastifySessionTimeoutOptions, hasFlash: boolean, warn: (text: string) => void
): Settings {
  refuseUnknownOptions(options)
  const idleTimeout = resolveLimit('idleTimeout', withDefault(options.idleTimeout, 30 * minute))
  const absoluteTimeout = resolveLimit('absoluteTimeout', withDefault(options.absoluteTimeout, 24 * hour))
  refuseNoLimit(idleTimeout, absoluteTimeout)
  const warnBefore = duration('warnBefore', withDefault(options.warnBefore, 2 * minute))
  const interval = resolveTouchInterval(options.touchInterval, idleTimeout)
  const cookieName = withDefault(options.cookieName, 'sessionId')
  if (typeof cookieName !== 'string' || cookieName === '') throw invalidOption('cookieName', 'the name of the session cookie', cookieName)
  const readUser = resolveUser(options.user)
  const user = readUser && warnOfMissingUsers(readUser, warn)
  const appliesTo = resolvePredicate('appliesTo', options.appliesTo)
  const settings = {
    warnBefore,
    storeGrace: durationOrZero('storeGrace', withDefault(options.storeGrace, 24 * hour)),
    rolling: flag('rolling', options.rolling, true),
    sessionOnly: flag('sessionOnly', options.sessionOnly, true),
    cookieName,
    afterTimeout: resolveAfterTimeout('afterTimeout', withDefault(options.afterTimeout, 'continue')),
    endpoint: resolveEndpoint(withDefault(options.endpoint, false))
  }
  const fixedIdle = typeof idleTimeout === 'function' ? undefined : idleTimeout
  const fixedAbsolute = typeof absoluteTimeout === 'function' ? undefined : absoluteTimeout
  const fixedInterval = fixedIdle === undefined ? interval : touchIntervalFor(fixedIdle, interval)
  const trustedOrigins = resolveOrigins(withDefault(options.trustedOrigins, []))
  return Object.freeze({
    ...settings,
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
    countsAsActivity: resolvePredicate('countsAsActivity', options.countsAsActivity) ?? always,
    onTimeout: fn('onTimeout', options.onTimeout),
    flash: resolveFlash(options.flash, hasFlash),
    trustedOrigins,
    endBus: resolveEndBus(options.endBus),
    summary: Object.freeze({
      ...settings,
      idleTimeout: fixedIdle ?? 'per request',
      absoluteTimeout: fixedAbsolute ?? 'per request',
      touchInterval: fixedInterval ?? 'per request',
      appliesTo: appliesTo ? 'some sessions' : user ? 'sessions of a user' : 'every session',
      trustedOrigins: [...trustedOrigins],
      endBus: options.endBus === undefined ? 'none' : 'given'
    }),
    warnings: [...unitWarnings(options), ...warningsFor(warnBefore, idleTimeout, absoluteTimeout, interval)]
  } satisfies Settings)
}

function refuseUnknownOptions (options: FastifySessionTimeoutOptions): void {
  const unknown = Object.entries(options).filter(([name]) => !optionNames.has(name) && !registerOptionNames.has(name))
  refuseUnknown('', Object.fromEntries(unknown), optionNames)
}

/** Undefined: a default that follows from the idle limit. */
function resolveTouchInterval (value: unknown, idleTimeout: ResolvedLimit): number | undefined {
  const interval = value === undefined ? undefined : durationOrZero('touchInterval', value)
  if (interval !== undefined && typeof idleTimeout === 'number' && interval >= idleTimeout) {
    throw invalidOption('touchInterval', 'less than idleTimeout, or nothing would ever extend a session', value)
  }
  return interval
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

function resolveEndpoint (value: unknown): string | false {
  if (value === false) return false
  if (!isReturnPath(value) || /[?#:*]|\/$/.test(value)) {
    throw invalidOption('endpoint', "a path such as '/session-timeout', without query, parameters or final slash, or false", value)
  }
  return value
}

function resolveOrigins (value: unknown): ReadonlySet<string> {
  if (!Array.isArray(value)) throw invalidOption('trustedOrigins', "a list of origins such as 'https://app.example'", value)
  return new Set(value.map(origin => {
    if (typeof origin !== 'string' || !/^https?:\/\/[^*]+$/.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw invalidOption('trustedOrigins', "a list of origins such as 'https://app.example', with no path and no final slash", origin)
    }
    return origin
  }))
}

function resolveEndBus (value: SessionEndBus | undefined): SessionEndBus | undefined {
  if (value === undefined) return undefined
  const { publish, subscribe } = (value ?? {}) as Partial<SessionEndBus>
  if (typeof publish !== 'function' || typeof subscribe !== 'function') {
    throw invalidOption('endBus', 'an object with the functions publish and subscribe', value)
  }
  return value
}

/** A limit of a few seconds is a few hours that somebody gave in seconds. */
function unitWarnings (options: FastifySessionTimeoutOptions): string[] {
  const { idleTimeout, absoluteTimeout, warnBefore, storeGrace } = options
  return [
    ...warningsOfSeconds('idleTimeout', idleTimeout, 10 * second),
    ...warningsOfSeconds('absoluteTimeout', absoluteTimeout, 100 * second),
    ...warningsOfSeconds('warnBefore', warnBefore, second),
    ...warningsOfSeconds('storeGrace', storeGrace, 100 * second)
  ]
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
