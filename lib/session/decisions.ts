import type { FastifyBaseLogger } from 'fastify'
import { now } from '../clock.js'
import type { Limits, SessionRecord } from '../policy.js'
import type { Visit } from './visit.js'

/** What is decided of a session, as it is logged at level debug. */
export const sentences = {
  unchecked: 'not checked: the route has sessionTimeout: false',
  untimed: 'not timed: it has no user, or appliesTo says no',
  notDue: 'live: the last activity is stored, and younger than touchInterval',
  passive: 'live: the request is no activity, by its route or by countsAsActivity',
  prefetch: 'live: the request is no activity, but a prefetch',
  otherSite: 'live: the request is no activity, since another site made it',
  touched: 'live: the activity is stored',
  untouched: 'live: the activity is not stored, since the store failed',
  kept: 'live: another request had extended it',
  restarted: 'restarted: both clocks begin now',
  stale: 'live: it began too long ago for signedInWithin',
  idle: 'ended: idle for idleTimeout',
  absolute: 'ended: as old as absoluteTimeout',
  ended: 'over: it had ended already',
  everywhere: 'ended: its user was signed out everywhere',
  left: 'signed out: its user was taken out of it',
  missing: 'missing: the store has none for this cookie'
} as const

export type Decision = keyof typeof sentences

type Log = FastifyBaseLogger & { isLevelEnabled?: (level: string) => boolean }

/**
 * Answers "why was I signed out?", at level debug: one line for each decision, with times, never with an id.
 * Where that level is off it costs one question to the logger of the request.
 * @param record what was decided by, once the limits are known
 */
export function explain (
  visit: Visit, decision: Decision, record: SessionRecord | null = null, limits?: Limits
): void {
  const { log } = visit.request
  if (!isDebugged(log)) return
  log.debug(record === null ? {} : timesOf(record, limits ?? visit.limits()), `session ${sentences[decision]}`)
}

/** Asked anew each time: levels change while an application runs, and differ by route. */
export function isDebugged (log: Log): boolean {
  if (log.isLevelEnabled !== undefined) return log.isLevelEnabled('debug')
  return log.level === 'debug' || log.level === 'trace'
}

/** Ms; false for no such limit. */
function timesOf ({ startedAt, lastActivity }: SessionRecord, { idle, absolute }: Limits): object {
  const at = now()
  return { idleFor: at - lastActivity, idleTimeout: idle, age: at - startedAt, absoluteTimeout: absolute }
}
