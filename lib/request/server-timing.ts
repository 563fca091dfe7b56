import { now } from '../clock.js'
import { deadlines } from '../policy.js'
import type { Timing } from '../session/visit.js'
import { isPage } from './navigation.js'
import { createPageTag } from './page-tag.js'
import { note, notesOf } from './response-notes.js'

/**
 * Writes how long the session has left, in a header that browsers hand to them; and a page, when
 * it is loaded, whose it is.
 */
export function writeTimeLeft (timing: Timing): void {
  const { visit: { request, reply }, record, limits } = timing
  const left = Math.max(0, deadlines(record, limits).first - now())
  // A service worker may ask for pages ahead of time, by requests that look like any other.
  const tag = isPage(request) || /html/i.test(String(reply.getHeader('content-type'))) ? `;desc="${createPageTag(timing)}"` : ''
  const metric = `session-timeout;dur=${left}${tag}`
  const present = reply.getHeader('server-timing')
  const { metric: before } = notesOf(reply)
  note(reply, { metric })
  // When a later hook throws, the response to that error passes here again.
  const text = present === undefined || present === before
    ? metric
    : before !== undefined && String(present).includes(before)
      ? String(present).replace(before, () => metric)
      : `${String(present)}, ${metric}`
  reply.header('server-timing', text)
}

/** The header without what {@link writeTimeLeft} put in; undefined when nothing is left. */
export function withoutMetric (header: unknown, metric: string): string | undefined {
  const text = String(header ?? '').replace(`, ${metric}`, () => '').replace(`${metric}, `, () => '')
  return text === metric || text === '' ? undefined : text
}
