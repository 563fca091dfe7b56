import type { FastifyRequest } from 'fastify'
import type { EndedReason } from '../../types/reasons.js'
import { now } from '../clock.js'
import { deadlines } from '../policy.js'
import { createPageTag, isPageOf } from '../request/page-tag.js'
import { visitOf } from '../session/visit.js'

/** What GET and POST answer. Ms, always relative, so that the client's clock does not matter; null for no such limit. */
export interface Status {
  active: boolean
  remaining: number | null
  idleRemaining: number | null
  absoluteRemaining: number | null
  warnBefore: number
  /** Whether an activity would still put the warning off. */
  canExtend: boolean
  ended: EndedReason | null
  /** Whether the page that asks belongs to the user who is signed in. */
  yours: boolean
  /** A tag for a page that has none; null where it has one. */
  page: string | null
}

/** @param tag whose page it is that asks, as it was told when it was loaded */
export function statusOf (request: FastifyRequest, warnBefore: number, tag: string | undefined): Status {
  const visit = visitOf(request)
  const at = now()
  const timing = visit?.liveTiming(at)
  if (!timing) {
    return {
      active: false,
      remaining: null,
      idleRemaining: null,
      absoluteRemaining: null,
      warnBefore,
      canExtend: false,
      ended: visit?.ended ?? null,
      yours: tag === undefined,
      page: null
    }
  }
  const { record, limits } = timing
  const { first, idle, absolute } = deadlines(record, limits)
  return {
    active: true,
    remaining: left(first),
    idleRemaining: left(idle),
    absoluteRemaining: left(absolute),
    warnBefore,
    canExtend: idle < absolute && absolute - at > warnBefore,
    ended: null,
    yours: tag === undefined || isPageOf(timing, tag),
    page: tag === undefined ? createPageTag(timing) : null
  }

  function left (deadline: number): number | null {
    return deadline === Infinity ? null : deadline - at
  }
}
