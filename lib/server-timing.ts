import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { now } from './clock.js'
import { isDocument } from './navigation.js'
import { deadlines } from './policy.js'
import type { RequestState } from './state.js'

/**
 * Tells scripts of the page how long the session has left, in a header that browsers hand to them.
 * A page is told which session it is of when it is loaded, and when its own request has given the browser
 * another one, as regenerate() does: an old page that wakes up then notices that it is somebody else's.
 */
export function tellTimeLeft (request: FastifyRequest, reply: FastifyReply, state: RequestState): void {
  const id = state.storedId!
  const left = Math.max(0, deadlines(state.record!, state.limits!).first - now())
  const tag = isDocument(request) || id !== state.presentedId ? `;desc=${tagOf(id)}` : ''
  const metric = `session-timeout;dur=${left}${tag}`
  const present = reply.getHeader('server-timing')
  reply.header('server-timing', present === undefined ? metric : `${String(present)}, ${metric}`)
}

/** Tells sessions apart, and nothing else: scripts may see it, and nobody gets from it to the id. */
export function tagOf (id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 12)
}
