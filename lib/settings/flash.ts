import type { FastifySessionTimeoutOptions, FlashOptions } from '../../types/index.js'
import type { TimeoutReason } from '../../types/reasons.js'
import { minute } from '../clock.js'
import { invalidAnswer, invalidOption } from '../errors.js'
import { callOption } from './option-functions.js'
import { fn, refuseUnknown } from './values.js'

/** How messages are written, with the defaults filled in. */
export type FlashSettings = Required<FlashOptions>

/**
 * @param hasFlash whether @fastify/flash is registered
 * @throws FST_SESSION_TIMEOUT_INVALID_OPTION
 */
export function resolveFlash (
  option: string, value: FastifySessionTimeoutOptions['flash'], hasFlash: boolean
): FlashSettings | false {
  if (value === false || (value === undefined && !hasFlash)) return false
  if (value !== undefined && value !== true && (value === null || typeof value !== 'object' || Array.isArray(value))) {
    throw invalidOption(option, 'true, false or { type, ended, expiring }', value)
  }
  if (!hasFlash) throw invalidOption(option, 'left out unless @fastify/flash is registered before', value)
  const { type = 'warning', ended = endedText, expiring = expiringText, ...rest } = value === true || value === undefined ? {} : value
  refuseUnknown(option, rest, ['type', 'ended', 'expiring'])
  if (typeof type !== 'string' || type === '') throw invalidOption(`${option}.type`, 'the type of a message', type)
  return Object.freeze({ type, ended: textBy(`${option}.ended`, ended), expiring: textBy(`${option}.expiring`, expiring) })
}

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION, also for what the option returns */
function textBy<Values extends unknown[]> (
  option: string, value: (...values: Values) => string
): (...values: Values) => string {
  const write = fn(option, value)
  const rule = 'the text of a message'
  return function writeText (...values) {
    const text = callOption(option, rule, write, ...values)
    if (typeof text !== 'string') throw invalidAnswer(option, rule, text)
    return text
  }
}

function endedText (reason: TimeoutReason): string {
  return reason === 'idle'
    ? 'You were signed out because you were inactive for too long. Please sign in again.'
    : 'You were signed out because your session reached its time limit. Please sign in again.'
}

function expiringText (remaining: number): string {
  const minutes = Math.max(1, Math.ceil(remaining / minute))
  return `Your session ends in ${minutes === 1 ? '1 minute' : `${minutes} minutes`}. Save your work; you will be asked to sign in again.`
}
