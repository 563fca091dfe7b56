import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * An upgrade that is refused before the plugin which would have closed its socket sees it: the socket would stay open
 * for ever, and keep the server from closing. A request by `app.inject`, or by an adapter for serverless, can carry the
 * header too, and has no such socket.
 */
export function closeRefusedUpgrade (request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers.upgrade === undefined) return
  const { socket } = request.raw
  if (socket instanceof Socket) reply.raw.once('finish', () => socket.destroySoon())
}
