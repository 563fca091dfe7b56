import type { FastifyReply, FastifyRequest } from 'fastify'
import { now } from './clock.js'
import { issuePageTag } from './endpoint/page-tag.js'
import type { Engine } from './engine.js'
import { isDocument } from './navigation.js'
import { deadlines } from './policy.js'
import { sessionOf, signerOf } from './record.js'
import type { RequestState } from './state.js'

/**
 * Tells scripts of the page how long the session has left, in a header that browsers hand to them.
 * A page is also told whose it is, in a tag that only the server can read.
 */
export function tellTimeLeft (engine: Engine, request: FastifyRequest, reply: FastifyReply, state: RequestState): void {
  const left = Math.max(0, deadlines(state.record!, state.limits!).first - now())
  const tag = isDocument(request) ? tagFor(engine, request) : null
  const metric = `session-timeout;dur=${left}${tag === null ? '' : `;desc="${tag}"`}`
  const present = reply.getHeader('server-timing')
  reply.header('server-timing', present === undefined ? metric : `${String(present)}, ${metric}`)
}

/** A fresh tag for a page of whoever is signed in. */
export function tagFor (engine: Engine, request: FastifyRequest): string | null {
  const session = sessionOf(request)
  const signer = session && engine.host && signerOf(session, engine.host.slots)
  return signer ? issuePageTag(signer, userOf(engine, request)) : null
}

/** Without the option, the session takes the user's place. */
export function userOf (engine: Engine, request: FastifyRequest): string {
  const session = sessionOf(request)!
  const user = engine.settings.user?.(session)
  return user == null ? `session ${session.sessionId}` : `user ${user}`
}
