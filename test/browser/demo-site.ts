import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { root } from '../helpers/root.js'

const { buildDemo }: { buildDemo: (options?: Record<string, unknown>) => Promise<FastifyInstance> } = await import(new URL('examples/demo/app.js', root).href)
const { now } = Date

/** The demo, listening; gives its address. Its clock is that of this process: put back in the end. */
export async function openDemo (t: Test): Promise<string> {
  const app = await buildDemo()
  t.teardown(async () => {
    await app.close()
    Date.now = now
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}
