import { once } from 'node:events'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { buildApp, type AppOptions } from '../helpers/app.js'
import { quiet, settle } from '../examples/live.js'
import { second } from '../helpers/time.js'

export { quiet, settle }

/** An application that listens, and a user of it. */
export interface LiveSite {
  app: FastifyInstance
  port: number
  headers: { cookie: string }
  /** Sends a request; with `write`, its body goes on. */
  send (path: string, options?: RequestOptions, write?: (body: ReturnType<typeof request>) => void): Promise<IncomingMessage>
  connect (path: string, protocol?: string, headers?: Record<string, string>): Promise<LiveSocket>
}

export interface LiveSocket {
  socket: WebSocket
  received: string[]
  closed: { code: number, reason: string } | undefined
}

/** Sessions end after a minute. */
export async function openSite (t: Test, options: AppOptions = {}): Promise<LiveSite> {
  const { app } = await buildApp(t, {
    ...options,
    server: { forceCloseConnections: true, ...options.server },
    timeout: { idleTimeout: 60 * second, user: session => session.userId, afterTimeout: 'unauthorized', endpoint: '/session-timeout', ...options.timeout }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const signIn = await app.inject({ method: 'POST', url: '/sign-in' })
  const headers = { cookie: String(signIn.headers['set-cookie']).split(';')[0]! }
  return { app, port, headers, send, connect }

  async function send (path: string, options: RequestOptions = {}, write = (body: ReturnType<typeof request>): void => { body.end() }): Promise<IncomingMessage> {
    const sent = request({ port, host: '127.0.0.1', path, agent: false, ...options, headers: { ...headers, ...options.headers as Record<string, string> } })
    write(sent)
    const [response] = await once(sent, 'response') as [IncomingMessage]
    response.on('error', () => {})
    return response
  }

  async function connect (path: string, protocol?: string, others: Record<string, string> = headers): Promise<LiveSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol, { headers: others })
    const live: LiveSocket = { socket, received: [], closed: undefined }
    socket.on('message', data => { live.received.push(String(data)) })
    socket.on('close', (code, reason) => { live.closed = { code, reason: String(reason) } })
    await once(socket, 'open')
    return live
  }
}
