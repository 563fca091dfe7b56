import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { root } from '../helpers/root.js'

/** An example, not listening. */
export async function buildExample (t: Test, file: string, build: string, options: Record<string, unknown> = {}): Promise<FastifyInstance> {
  const example: Record<string, (options: Record<string, unknown>) => Promise<FastifyInstance>> = await import(new URL(`examples/${file}`, root).href)
  const app = await example[build]!(options)
  t.teardown(() => app.close())
  return app
}
