import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface SlowAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
  /** The body as JSON. */
  json (): Record<string, unknown>
}

export interface SlowRequest {
  /** Sends the last byte. */
  finish (): Promise<SlowAnswer>
}

export interface SlowBodies {
  /** Sends all of a request but the last byte of its body, and waits until the hooks of onRequest are through. */
  begin (options: { url: string, method?: string, cookie?: string, headers?: Record<string, string> }): Promise<SlowRequest>
}

/** To be called after the plugin has been registered: its hook tells that those before it have run. */
export function slowBodies (app: FastifyInstance): SlowBodies {
  const waiting = new Map<string, () => void>()
  let number = 0
  app.addHook('onRequest', async request => { waiting.get(String(request.headers['x-slow']))?.() })

  return { begin }

  async function begin (
    { url, method = 'POST', cookie, headers = {} }: Parameters<SlowBodies['begin']>[0]
  ): Promise<SlowRequest> {
    if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const slow = String(number++)
    const arrived = new Promise<void>(resolve => { waiting.set(slow, resolve) })
    const body = JSON.stringify({ idleFor: 0 })
    const outgoing = httpRequest({
      port,
      host: '127.0.0.1',
      method,
      path: url,
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': body.length,
        'x-slow': slow,
        ...(cookie === undefined ? {} : { cookie: `sessionId=${cookie}` }),
        ...headers
      }
    })
    const answer = new Promise<SlowAnswer>((resolve, reject) => {
      outgoing.once('error', reject)
      outgoing.once('response', incoming => {
        let text = ''
        incoming.setEncoding('utf8')
        incoming.on('data', chunk => { text += chunk })
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode!, headers: incoming.headers, body: text, json: () => JSON.parse(text) })
        })
      })
    })
    // A refusal before the body is complete is an answer too, and finish() gives it.
    answer.catch(() => {})
    outgoing.write(body.slice(0, -1))
    await arrived
    return {
      finish () {
        outgoing.end(body.slice(-1))
        return answer
      }
    }
  }
}
