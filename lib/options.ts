import type { FastifyReply, FastifyRequest } from 'fastify'
import { parse } from '@lukeed/ms'
import type { Duration, FastifySessionTimeoutOptions, FlashOptions, Limit, RedirectAfterTimeout, SessionTimeout } from '../types/index.js'
import { day, hour, minute, second } from './clock.js'
import { invalidOption } from './errors.js'
import { isThenable } from './is-thenable.js'
import type { Limits } from './policy.js'
import { isReturnPath } from './return-path.js'

/** An {@link AfterTimeout} with its defaults filled in. */
export type Answer = 'continue' | 'unauthorized' | Required<RedirectAfterTimeout>

/** The options, resolved once. Raw options are not read again. */
export interface Settings {
  readonly limits: (request: FastifyRequest) => Limits
  readonly warnBefore: number
  /** The least time between two touches of a session with that idle limit. */
  readonly touchInterval: (idle: number | false) => number
  readonly rolling: boolean
  readonly sessionOnly: boolean
  readonly cookieName: string
  readonly appliesTo: (request: FastifyRequest) => boolean
  /** Who is signed in; undefined without the option. */
  readonly user: ((session: FastifyRequest['session']) => string | number | null | undefined) | undefined
  readonly countsAsActivity: (request: FastifyRequest) => boolean
  readonly afterTimeout: Answer
  readonly onTimeout: ((request: FastifyRequest, reply: FastifyReply, timeout: SessionTimeout) => unknown) | undefined
  readonly flash: Required<FlashOptions> | false
  readonly endpoint: string | false
  /** What is logged at start. */
  readonly summary: Readonly<Record<string, unknown>>
  /** What is legal but probably not meant. */
  readonly warnings: readonly string[]
}

const longest = 400 * day
const durationRule = 'a duration of more than 0 and at most 400 days, in ms or such as "15m"'

const optionNames = new Set<string>([
  'idleTimeout', 'absoluteTimeout', 'warnBefore', 'touchInterval', 'rolling', 'sessionOnly', 'cookieName', 'user', 'appliesTo',
  'countsAsActivity', 'afterTimeout', 'onTimeout', 'flash', 'endpoint'
] satisfies Array<keyof FastifySessionTimeoutOptions>)

// What fastify.register itself takes; it hands them on.
const registerOptionNames = new Set(['prefix', 'logLevel', 'logSerializers', 'encapsulate'])

/**
 * @param hasFlash whether @fastify/flash is registered
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
 */
export function resolveOptions (options: FastifySessionTimeoutOptions, hasFlash: boolean): Settings {
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name) && !registerOptionNames.has(name)) {
      throw invalidOption(name, `left out: there is no such option; there are ${[...optionNames].join(', ')}`, (options as Record<string, unknown>)[name])
    }
  }
  const idleTimeout = limit('idleTimeout', given(options.idleTimeout, 30 * minute))
  const absoluteTimeout = limit('absoluteTimeout', given(options.absoluteTimeout, 24 * hour))
  refuseNoLimit(idleTimeout, absoluteTimeout)
  const warnBefore = duration('warnBefore', given(options.warnBefore, 2 * minute))
  const touchInterval = options.touchInterval === 0 ? 0 : options.touchInterval === undefined ? undefined : duration('touchInterval', options.touchInterval)
  if (touchInterval !== undefined && typeof idleTimeout === 'number' && touchInterval >= idleTimeout) {
    throw invalidOption('touchInterval', 'less than idleTimeout, or nothing would ever extend a session', options.touchInterval)
  }
  const cookieName = given(options.cookieName, 'sessionId')
  if (typeof cookieName !== 'string' || cookieName === '') throw invalidOption('cookieName', 'the name of the session cookie', cookieName)
  const endpoint = resolveEndpoint(given(options.endpoint, false))
  const answer = resolveAnswer('afterTimeout', given(options.afterTimeout, 'continue'))
  const user = fn('user', options.user)
  const rolling = flag('rolling', options.rolling, true)
  const sessionOnly = flag('sessionOnly', options.sessionOnly, true)

  return Object.freeze({
    limits: limitsReader(idleTimeout, absoluteTimeout),
    warnBefore,
    touchInterval: (idle) => touchIntervalFor(idle, touchInterval),
    rolling,
    sessionOnly,
    cookieName,
    appliesTo: predicate('appliesTo', options.appliesTo) ?? (user ? request => user(request.session) != null : always),
    user,
    countsAsActivity: predicate('countsAsActivity', options.countsAsActivity) ?? always,
    afterTimeout: answer,
    onTimeout: fn('onTimeout', options.onTimeout),
    flash: resolveFlash(options.flash, hasFlash),
    endpoint,
    summary: Object.freeze({
      idleTimeout: typeof idleTimeout === 'function' ? 'per request' : idleTimeout,
      absoluteTimeout: typeof absoluteTimeout === 'function' ? 'per request' : absoluteTimeout,
      warnBefore,
      touchInterval: typeof idleTimeout === 'function' ? touchInterval ?? 'per request' : touchIntervalFor(idleTimeout, touchInterval),
      rolling,
      sessionOnly,
      cookieName,
      appliesTo: options.appliesTo || user ? 'some sessions' : 'every session',
      afterTimeout: answer,
      endpoint
    }),
    warnings: warningsFor(warnBefore, idleTimeout, touchInterval)
  } satisfies Settings)
}

// Not `??`: null is no way to leave an option out, and must not become a default.
function given<Value> (value: Value | undefined, fallback: Value): Value {
  return value === undefined ? fallback : value
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function duration (option: string, value: unknown): number {
  const ms = typeof value === 'string' ? parse(value) : value
  if (typeof ms !== 'number' || !(ms > 0 && ms <= longest)) throw invalidOption(option, durationRule, value)
  return ms
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function resolveAnswer (option: string, value: unknown): Answer {
  if (value === 'continue' || value === 'unauthorized') return value
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidOption(option, "'continue', 'unauthorized' or { redirectTo }", value)
  }
  const { redirectTo, returnParam = 'returnTo', reasonParam = 'reason', ...rest } = value as RedirectAfterTimeout
  refuseUnknown(option, rest)
  if (!isReturnPath(redirectTo) && !isHttpUrl(redirectTo)) {
    throw invalidOption(`${option}.redirectTo`, 'a path of this site, percent-encoded where needed, or an http(s) URL', redirectTo)
  }
  for (const [name, param] of Object.entries({ returnParam, reasonParam })) {
    if (param !== false && (typeof param !== 'string' || param === '')) throw invalidOption(`${option}.${name}`, 'the name of a query parameter, or false', param)
  }
  return Object.freeze({ redirectTo, returnParam, reasonParam })
}

/** A typo must not become a default. @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function refuseUnknown (option: string, rest: object): void {
  const unknown = Object.entries(rest)[0]
  if (unknown) throw invalidOption(`${option}.${unknown[0]}`, 'left out: there is no such option', unknown[1])
}

function isHttpUrl (value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value)
}

function limit (option: string, value: Limit): number | false | ((request: FastifyRequest) => Duration | false) {
  if (value === false || typeof value === 'function') return value
  return duration(option, value)
}

type ResolvedLimit = ReturnType<typeof limit>

// Constant limits, the usual case, cost nothing per request.
function limitsReader (idleTimeout: ResolvedLimit, absoluteTimeout: ResolvedLimit): (request: FastifyRequest) => Limits {
  if (typeof idleTimeout !== 'function' && typeof absoluteTimeout !== 'function') {
    const limits = Object.freeze({ idle: idleTimeout, absolute: absoluteTimeout })
    return () => limits
  }
  return (request) => {
    const idle = typeof idleTimeout === 'function' ? returned('idleTimeout', idleTimeout(request)) : idleTimeout
    const absolute = typeof absoluteTimeout === 'function' ? returned('absoluteTimeout', absoluteTimeout(request)) : absoluteTimeout
    refuseNoLimit(idle, absolute)
    return { idle, absolute }
  }
}

function refuseNoLimit (idle: ResolvedLimit, absolute: ResolvedLimit): void {
  if (idle === false && absolute === false) {
    throw invalidOption('idleTimeout or absoluteTimeout', 'set: a session without any limit never ends', false)
  }
}

function returned (option: string, value: Duration | false): number | false {
  return value === false ? false : duration(`what ${option} returns`, value)
}

// With limits that differ by request, an interval that suits one may be longer than another's whole idle time.
function touchIntervalFor (idle: number | false, configured: number | undefined): number {
  if (idle === false) return configured ?? minute
  const derived = Math.min(minute, Math.floor(idle / 30))
  return configured !== undefined && configured < idle ? configured : derived
}

function flag (option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value !== 'boolean') throw invalidOption(option, 'true or false', value)
  return value
}

function fn<Fn> (option: string, value: Fn | undefined): Fn | undefined {
  if (value !== undefined && typeof value !== 'function') throw invalidOption(option, 'a function', value)
  return value
}

type Predicate = (request: FastifyRequest) => boolean

function predicate (option: string, value: Predicate | undefined): Predicate | undefined {
  const ask = fn(option, value)
  return ask && function askOption (request) {
    const answer: unknown = ask(request)
    // A promise is truthy: an async function would silently mean "always".
    if (isThenable(answer)) throw invalidOption(`what ${option} returns`, 'true or false', answer)
    return Boolean(answer)
  }
}

function always (): boolean {
  return true
}

function resolveFlash (value: FastifySessionTimeoutOptions['flash'], hasFlash: boolean): Required<FlashOptions> | false {
  if (value === false || (value === undefined && !hasFlash)) return false
  if (value !== undefined && value !== true && (value === null || typeof value !== 'object' || Array.isArray(value))) {
    throw invalidOption('flash', 'true, false or { type, ended, expiring }', value)
  }
  if (!hasFlash) throw invalidOption('flash', 'left out unless @fastify/flash is registered before', value)
  const { type = 'warning', ended = endedText, expiring = expiringText, ...rest } = value === true || value === undefined ? {} : value
  refuseUnknown('flash', rest)
  if (typeof type !== 'string' || type === '') throw invalidOption('flash.type', 'the type of a message', type)
  return Object.freeze({ type, ended: fn('flash.ended', ended)!, expiring: fn('flash.expiring', expiring)! })
}

function endedText (reason: 'idle' | 'absolute'): string {
  return reason === 'idle'
    ? 'You were signed out because you were inactive for too long. Please sign in again.'
    : 'You were signed out because your session reached its time limit. Please sign in again.'
}

function expiringText (remaining: number): string {
  const minutes = Math.max(1, Math.ceil(remaining / minute))
  return `Your session ends in ${minutes === 1 ? '1 minute' : `${minutes} minutes`}. Save your work; you will be asked to sign in again.`
}

function resolveEndpoint (value: unknown): string | false {
  if (value === false) return false
  if (!isReturnPath(value) || /[?#:*]|\/$/.test(value)) {
    throw invalidOption('endpoint', "a path such as '/session-timeout', without query, parameters or final slash, or false", value)
  }
  return value
}

function warningsFor (warnBefore: number, idleTimeout: ResolvedLimit, touchInterval = 0): string[] {
  const warnings = []
  if (warnBefore < 20 * second) warnings.push('warnBefore is under 20 s: WCAG 2.2.1 gives users at least that long to extend')
  if (typeof idleTimeout !== 'number') return warnings
  if (warnBefore >= idleTimeout) warnings.push('warnBefore is not below idleTimeout: the warning is due as soon as the session starts')
  else if (touchInterval >= idleTimeout - warnBefore) warnings.push('touchInterval is not below idleTimeout - warnBefore: users who are active will be warned')
  return warnings
}
