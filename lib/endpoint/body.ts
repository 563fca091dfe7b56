import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What a browser may report: that its user was active so many ms ago. */
export interface Report {
  readonly idleFor?: number
}

/** Longer than any report. */
const bodyLimit = 1024

/** Describes a {@link Report}, which may be missing. */
export const reportSchema = { type: ['object', 'null'], properties: { idleFor: { type: 'number', minimum: 0 } } }

/**
 * Takes bodies of every type, and none: fetch wrappers, forms and sendBeacon each send a type of their own, with or
 * without something in it. Only JSON says something, and a sign-out needs nothing to be said.
 */
export function acceptAnyBody (app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('*', { parseAs: 'string', bodyLimit }, function parseReport (request, body, done) {
    if (request.method === 'DELETE' || body === '' || request.headers['content-type'] !== json) return done(null, null)
    try {
      done(null, JSON.parse(body))
    } catch (error) {
      done(Object.assign(error as Error, { statusCode: 400 }))
    }
  })
  // The compiler of the application may expect another kind of schema, or turn rubbish into numbers.
  app.setValidatorCompiler(() => validateReport)
}

const json = 'application/json'

/** An onRequest hook: Fastify refuses a type that it cannot read before it looks for a parser. */
export async function readTypeLoosely ({ headers }: FastifyRequest): Promise<void> {
  if (headers['content-type'] !== undefined) headers['content-type'] = /json/i.test(headers['content-type']) ? json : 'text/plain'
}

function validateReport (body: unknown): boolean | { error: Error } {
  if (body === null) return true
  const idleFor = typeof body === 'object' && !Array.isArray(body) ? (body as { idleFor?: unknown }).idleFor ?? 0 : undefined
  if (typeof idleFor === 'number' && idleFor >= 0 && idleFor < Infinity) return true
  return { error: new Error('body must be empty or { idleFor }, a number of milliseconds that is not negative') }
}
