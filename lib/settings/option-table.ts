import type { FastifySessionTimeoutOptions as Options, SessionEndBus } from '../../types/index.js'
import { hour, minute, second } from '../clock.js'
import { invalidOption } from '../errors.js'
import { resolveAfterTimeout } from './after-timeout.js'
import { resolveFlash } from './flash.js'
import { resolveLimit } from './limits.js'
import { resolvePredicate, resolveUser } from './option-functions.js'
import { isReturnPath } from './return-path.js'
import { duration, durationOrZero, flag, fn, refuseUnknown, warningsOfSeconds, withDefault } from './values.js'

/** One option. */
interface Row<Value> {
  /** Undefined where nothing is set, or where it follows from something else. */
  readonly default: Value | undefined
  /** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
  resolve (name: string, value: Value | undefined, hasFlash: boolean): unknown
  /** How the log line at start shows the resolved value. Missing where it does not, or where other options decide. */
  show? (value: unknown): unknown
  /** A smaller number of ms was probably meant in seconds: a limit of a few seconds is usually some hours. */
  readonly least?: number
}

/** In the order in which they are checked, listed and shown. */
const table = {
  idleTimeout: { default: 30 * minute, resolve: resolveLimit, show: limit, least: 10 * second },
  absoluteTimeout: { default: 24 * hour, resolve: resolveLimit, show: limit, least: 100 * second },
  warnBefore: { default: 2 * minute, resolve: duration, show: same, least: second },
  touchInterval: { default: undefined, resolve: touchInterval }, // follows from idleTimeout
  rolling: { default: true, resolve: flag, show: same },
  sessionOnly: { default: true, resolve: flag, show: same },
  cookieName: { default: 'sessionId', resolve: cookieName, show: same }, // the default of @fastify/session
  user: { default: undefined, resolve: resolveUser },
  appliesTo: { default: undefined, resolve: resolvePredicate }, // follows from user
  storeGrace: { default: 24 * hour, resolve: durationOrZero, show: same, least: 100 * second },
  trustedOrigins: { default: [], resolve: origins, show: (all: ReadonlySet<string>) => [...all] },
  countsAsActivity: { default: undefined, resolve: resolvePredicate }, // every request does
  afterTimeout: { default: 'continue', resolve: resolveAfterTimeout, show: same },
  onTimeout: { default: undefined, resolve: fn<Options['onTimeout']> },
  flash: { default: undefined, resolve: resolveFlash }, // true with @fastify/flash, false without
  endBus: { default: undefined, resolve: endBus, show: bus => bus === undefined ? 'none' : 'given' },
  endpoint: { default: false, resolve: endpoint, show: same }
} satisfies { readonly [Name in keyof Options]-?: Row<Options[Name]> }

type Name = keyof typeof table

/** The options, each checked on its own, with the defaults filled in. */
export type ResolvedOptions = { readonly [Each in Name]: ReturnType<(typeof table)[Each]['resolve']> }

const rows = Object.entries(table) as Array<[Name, Row<unknown>]>

// The last four are what fastify.register itself takes; it hands them on.
const known = new Set([...Object.keys(table), 'prefix', 'logLevel', 'logSerializers', 'encapsulate'])

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function resolveEach (options: Options, hasFlash: boolean): ResolvedOptions {
  const unknown = Object.entries(options).filter(([name]) => !known.has(name))
  refuseUnknown('', Object.fromEntries(unknown), Object.keys(table))
  return Object.fromEntries(rows.map(([name, row]) =>
    [name, row.resolve(name, withDefault(options[name], row.default), hasFlash)])) as ResolvedOptions
}

/** What the log line at start says of each option, as far as no other option decides it. */
export function summarise (resolved: ResolvedOptions): Record<string, unknown> {
  return Object.fromEntries(rows.flatMap(([name, row]) => row.show ? [[name, row.show(resolved[name])]] : []))
}

/** Durations that were probably given in seconds. */
export function unitWarnings (options: Options): string[] {
  return rows.flatMap(([name, { least }]) => least === undefined ? [] : warningsOfSeconds(name, options[name], least))
}

function same (value: unknown): unknown {
  return value
}

function limit (value: unknown): unknown {
  return typeof value === 'function' ? 'per request' : value
}

/** Undefined: a default that follows from the idle limit. */
function touchInterval (name: string, value: unknown): number | undefined {
  return value === undefined ? undefined : durationOrZero(name, value)
}

function cookieName (name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidOption(name, 'the name of the session cookie', value)
  return value
}

function origins (name: string, value: unknown): ReadonlySet<string> {
  const rule = "a list of origins such as 'https://app.example'"
  if (!Array.isArray(value)) throw invalidOption(name, rule, value)
  return new Set(value.map(origin => {
    if (typeof origin !== 'string' || !/^https?:\/\/[^*]+$/.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw invalidOption(name, `${rule}, with no path and no final slash`, origin)
    }
    return origin
  }))
}

function endBus (name: string, value: SessionEndBus | undefined): SessionEndBus | undefined {
  if (value === undefined) return undefined
  const { publish, subscribe } = (value ?? {}) as Partial<SessionEndBus>
  if (typeof publish !== 'function' || typeof subscribe !== 'function') {
    throw invalidOption(name, 'an object with the functions publish and subscribe', value)
  }
  return value
}

function endpoint (name: string, value: unknown): string | false {
  if (value === false) return false
  if (!isReturnPath(value) || /[?#:*]|\/$/.test(value)) {
    throw invalidOption(name, "a path such as '/session-timeout', without query, parameters or final slash, or false", value)
  }
  return value
}
