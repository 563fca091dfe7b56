import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What a browser may report: that its user was active so many ms ago. */
export interface Report {
  readonly idleFor: number
}

/** Longer than any report. */
const bodyLimit = 1024

/**
 * Takes bodies of every type, and none: fetch wrappers, forms and sendBeacon each send a type of their own, with or
 * without something in it. Only JSON says something, and a sign-out needs nothing to be said.
 */
export function acceptAnyBody (app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('*', { parseAs: 'string', bodyLimit }, function parseReport (request, body, done) {
    if (request.method === 'DELETE' || body === '' || request.headers['content-type'] !== json) return done(null, null)
    try {
      done(null, readReport(JSON.parse(body)))
    } catch (error) {
      done(Object.assign(error as Error, { statusCode: 400 }))
    }
  })
}

const json = 'application/json'

/** An onRequest hook: Fastify refuses a type that it cannot read before it looks for a parser. */
export async function readTypeLoosely ({ headers }: FastifyRequest): Promise<void> {
  if (headers['content-type'] !== undefined) headers['content-type'] = /json/i.test(headers['content-type']) ? json : 'text/plain'
}

/** Without a schema: the compiler of the application may expect another kind of them, or turn rubbish into numbers. */
function readReport (body: unknown): Report | null {
  if (body === null) return null
  const idleFor = typeof body === 'object' && !Array.isArray(body) ? (body as { idleFor?: unknown }).idleFor ?? 0 : undefined
  if (typeof idleFor === 'number' && idleFor >= 0 && idleFor < Infinity) return { idleFor }
  const error = new Error('body must be empty or { idleFor }, a number of milliseconds that is not negative')
  // As Fastify's own validation has it.
  throw Object.assign(error, { code: 'FST_ERR_VALIDATION' })
}
