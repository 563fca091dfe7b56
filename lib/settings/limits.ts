import type { FastifyRequest } from 'fastify'
import type { Duration, Limit } from '../../types/index.js'
import { minute } from '../clock.js'
import { invalidAnswer, invalidOption } from '../errors.js'
import type { Limits } from '../policy.js'
import { callOption } from './option-functions.js'
import { duration, durationRule, toMs } from './values.js'

/** A limit whose value is known at registration, or a function that tells it for each request. */
export type ResolvedLimit = number | false | ((request: FastifyRequest) => Duration | false)

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function resolveLimit (option: string, value: Limit): ResolvedLimit {
  return value === false || typeof value === 'function' ? value : duration(option, value)
}

/** Constant limits, the usual case, cost nothing per request. */
export function limitsReader (
  idleTimeout: ResolvedLimit, absoluteTimeout: ResolvedLimit
): (request: FastifyRequest) => Limits {
  if (typeof idleTimeout !== 'function' && typeof absoluteTimeout !== 'function') {
    const limits = Object.freeze({ idle: idleTimeout, absolute: absoluteTimeout })
    return () => limits
  }
  return (request) => {
    const idle = typeof idleTimeout === 'function' ? callLimit('idleTimeout', idleTimeout, request) : idleTimeout
    const absolute = typeof absoluteTimeout === 'function' ? callLimit('absoluteTimeout', absoluteTimeout, request) : absoluteTimeout
    refuseNoLimit(idle, absolute)
    return { idle, absolute }
  }
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function refuseNoLimit (idle: ResolvedLimit, absolute: ResolvedLimit): void {
  if (idle === false && absolute === false) {
    throw invalidOption('idleTimeout or absoluteTimeout', 'set: a session without any limit never ends', false)
  }
}

function callLimit (
  option: string, ask: (request: FastifyRequest) => Duration | false, request: FastifyRequest
): number | false {
  const value = callOption(option, durationRule, ask, request)
  if (value === false) return false
  const ms = toMs(value)
  if (ms === undefined) throw invalidAnswer(option, durationRule, value)
  return ms
}

/**
 * The least time between two touches of a session with that idle limit.
 * With limits that differ by request, an interval that suits one may be longer than another's whole idle time.
 */
export function touchIntervalFor (idle: number | false, configured: number | undefined): number {
  if (idle === false) return configured ?? minute
  const derived = Math.min(minute, Math.floor(idle / 30))
  return configured !== undefined && configured < idle ? configured : derived
}
