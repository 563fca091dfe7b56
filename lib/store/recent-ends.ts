import { FifoMap } from 'toad-cache'
import type { EndReason } from '../../types/reasons.js'
import { minute } from '../clock.js'

/** How many ends are remembered, for how long: bounded memory, whatever the load. */
const capacity = 10_000
const memory = minute

/** An end that is remembered. */
export interface RecentEnd {
  readonly reason: EndReason
  /** Whether the message that says why was put into a session. */
  isMessageShown: boolean
  /** The id of the session that it was exchanged for. */
  successor?: string
}

/** Sessions that ended in this process within the last minute, or that it found gone. */
export interface RecentEnds {
  /** @param cookie the cookie that held the session, so that later requests with it get the same answer */
  remember (id: string, reason: EndReason, cookie?: string): RecentEnd
  /** Takes an end back whose destroy failed. */
  forget (id: string, cookie?: string): void
  find (id: string): RecentEnd | undefined
  findByCookie (cookie: string | undefined): RecentEnd | undefined
}

export function createRecentEnds (): RecentEnds {
  const byId = new FifoMap<RecentEnd>(capacity, memory)
  const byCookie = new FifoMap<RecentEnd>(capacity, memory)
  return {
    remember (id, reason, cookie) {
      // A sign-out after a timeout must not blur why the session ended.
      const end = byId.get(id) ?? { reason, isMessageShown: false }
      byId.set(id, end)
      if (cookie !== undefined) byCookie.set(cookie, end)
      return end
    },
    forget (id, cookie) {
      byId.delete(id)
      if (cookie !== undefined) byCookie.delete(cookie)
    },
    find: id => byId.get(id),
    findByCookie: cookie => byCookie.get(cookie)
  }
}
