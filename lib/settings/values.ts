import { parse } from '@lukeed/ms'
import { day } from '../clock.js'
import { InvalidOptionError, invalidOption } from '../errors.js'
import { didYouMean } from './suggestions.js'

/*
 * Values that options have in common. Each throws FST_SESSION_TIMEOUT_INVALID_OPTION for a bad one.
 */

/** Browsers keep no cookie for longer. */
export const maxDuration = 400 * day
export const durationRule = 'a duration of more than 0 and at most 400 days, in ms or such as "15m"'

/** Not `??`: null is no way to leave an option out, and must not become a default. */
export function withDefault<Value> (value: Value | undefined, fallback: Value): Value {
  return value === undefined ? fallback : value
}

export function duration (option: string, value: unknown): number {
  const ms = toMs(value)
  if (ms === undefined) throw invalidOption(option, durationRule, value)
  return ms
}

/** Undefined for what is no duration. */
export function toMs (value: unknown): number | undefined {
  const ms = typeof value === 'string' ? parse(value) : value
  return typeof ms === 'number' && ms > 0 && ms <= maxDuration ? ms : undefined
}

/** The same, or 0. */
export function durationOrZero (option: string, value: unknown): number {
  return value === 0 ? 0 : duration(option, value)
}

export function flag (option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidOption(option, 'true or false', value)
  return value
}

export function fn<Fn> (option: string, value: Fn): Fn {
  if (value !== undefined && typeof value !== 'function') throw invalidOption(option, 'a function', value)
  return value
}

/** A typo must not become a default. The value is of no use to anybody, and may be a secret of another plugin. */
export function refuseUnknown (option: string, rest: object, known: Iterable<string>): void {
  const unknown = Object.keys(rest)[0]
  if (unknown === undefined) return
  const name = option === '' ? unknown : `${option}.${unknown}`
  throw new InvalidOptionError(`${name} must be left out: there is no such option.${didYouMean(unknown, known)} There are ${[...known].join(', ')}`)
}

/** Seconds that were meant as such are milliseconds here: `900`, or `'900'` from the environment. */
export function warningsOfSeconds (option: string, value: unknown, least: number): string[] {
  const ms = Number(value)
  if (typeof value === 'function' || typeof value === 'boolean' || !(ms > 0 && ms < least)) return []
  return [`${option} is ${ms} ms: a number without a unit is milliseconds. Did you mean '${ms}s'?`]
}
