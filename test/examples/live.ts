import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { root } from '../helpers/root.js'

type Build = (options?: Record<string, unknown>) => Promise<FastifyInstance>

/** An example that listens on a socket of its own, and one of its users. */
export interface LiveExample {
  app: FastifyInstance
  port: number
  cookie: string
  open (path: string): Promise<IncomingMessage>
  post (path: string): Promise<IncomingMessage>
}

/** Limits as in the examples, and a store of its own. */
export async function openExample (t: Test, file: string, build: string, options: Record<string, unknown> = {}): Promise<LiveExample> {
  const example: Record<string, Build> = await import(new URL(`examples/${file}`, root).href)
  const app = await example[build]!(options)
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const signIn = await send('POST', '/sign-in')
  const cookie = signIn.headers['set-cookie']![0]!.split(';')[0]!
  return {
    app,
    port,
    cookie,
    async open (path) {
      const response = await send('GET', path, cookie)
      response.on('error', () => {})
      return response
    },
    post: path => send('POST', path, cookie)
  }

  async function send (method: string, path: string, cookie?: string): Promise<IncomingMessage> {
    const sent = request({ method, port, host: '127.0.0.1', path, agent: false, headers: cookie === undefined ? {} : { cookie } }).end()
    const [response] = await once(sent, 'response') as [IncomingMessage]
    if (method === 'POST') response.resume()
    return response
  }
}

/** Collects what arrives. */
export function textOf (response: IncomingMessage): { text: string } {
  const collected = { text: '' }
  response.setEncoding('utf8').on('data', (chunk: string) => { collected.text += chunk })
  return collected
}

/** For what must not happen. */
export { settle as quiet } from '../helpers/scene.js'

/** Lets the sockets, which are real, catch up with the clock, which is not. */
export async function settle (until: () => boolean): Promise<void> {
  for (let turns = 0; turns < 20_000 && !until(); turns++) await turn()
}
