import { parse } from '@lukeed/ms'
import { day } from '../clock.js'
import { invalidOption } from '../errors.js'

/*
 * Values that options have in common. Each throws FST_SESSION_TIMEOUT_INVALID_OPTION for a bad one.
 */

const longest = 400 * day
export const durationRule = 'a duration of more than 0 and at most 400 days, in ms or such as "15m"'

/** Not `??`: null is no way to leave an option out, and must not become a default. */
export function given<Value> (value: Value | undefined, fallback: Value): Value {
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
  return typeof ms === 'number' && ms > 0 && ms <= longest ? ms : undefined
}

/** The same, or 0. */
export function durationOrZero (option: string, value: unknown): number {
  return value === 0 ? 0 : duration(option, value)
}

export function flag (option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value !== 'boolean') throw invalidOption(option, 'true or false', value)
  return value
}

export function fn<Fn> (option: string, value: Fn | undefined): Fn | undefined {
  if (value !== undefined && typeof value !== 'function') throw invalidOption(option, 'a function', value)
  return value
}

/** A typo must not become a default. */
export function refuseUnknown (option: string, rest: object): void {
  const unknown = Object.entries(rest)[0]
  if (unknown) throw invalidOption(`${option}.${unknown[0]}`, 'left out: there is no such option', unknown[1])
}
