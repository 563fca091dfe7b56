import { FifoMap } from 'toad-cache'
import { minute } from './clock.js'
import type { EndedReason } from '../types/index.js'

/** How many ends are remembered, for how long: bounded memory, whatever the load. */
const capacity = 10_000
const memory = minute

/** Sessions that ended in this process within the last minute, or that it found gone. */
export interface RecentEnds {
  /** @param cookie the cookie that held the session, so that later requests with it get the same answer */
  remember (id: string, reason: EndedReason, cookie?: string): void
  /** Takes an end back whose destroy failed. */
  forget (id: string, cookie?: string): void
  has (id: string): boolean
  reasonFor (id: string): EndedReason | undefined
  reasonForCookie (cookie: string): EndedReason | undefined
}

export function createRecentEnds (): RecentEnds {
  const byId = new FifoMap<EndedReason>(capacity, memory)
  const byCookie = new FifoMap<EndedReason>(capacity, memory)
  return {
    remember (id, reason, cookie) {
      // Sign-out after a timeout must not blur why the session ended.
      if (reason !== 'missing' || byId.get(id) === undefined) byId.set(id, reason)
      if (cookie !== undefined) byCookie.set(cookie, reason)
    },
    forget (id, cookie) {
      byId.delete(id)
      if (cookie !== undefined) byCookie.delete(cookie)
    },
    has: (id) => byId.get(id) !== undefined,
    reasonFor: (id) => byId.get(id),
    reasonForCookie: (cookie) => byCookie.get(cookie)
  }
}
