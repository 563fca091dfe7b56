import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'

/** An example, not listening. */
export async function buildExample (t: Test, file: string, build: string, options: Record<string, unknown> = {}): Promise<FastifyInstance> {
  const example: Record<string, (options: Record<string, unknown>) => Promise<FastifyInstance>> = await import(new URL(`../../examples/${file}`, import.meta.url).href)
  const app = await example[build]!(options)
  t.teardown(() => app.close())
  return app
}
