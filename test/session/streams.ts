import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { SessionStore } from '@fastify/session'
import type { FastifyInstance, FastifyRequest, Session } from 'fastify'
import type { Test } from 'tap'
import type { FastifySessionTimeoutOptions, SessionTimeout } from '../../index.js'
import { buildApp, signedIn, type LogLine } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import type { FakeClock } from '../helpers/clock.js'
import { FaultyStore, isEntry, withClock } from '../helpers/stores.js'
import { day, minute, second } from '../helpers/time.js'

/** Keeps JSON, and answers at once: a clock that jumps does not wait for a store. */
class PromptStore implements SessionStore {
  readonly data = new Map<string, string>()

  get (id: string, callback: (error: unknown, session?: Session | null) => void): void {
    callback(null, this.peek(id) as unknown as Session)
  }

  set (id: string, session: Session, callback: () => void): void {
    this.data.set(id, JSON.stringify(session))
    callback()
  }

  destroy (id: string, callback: () => void): void {
    this.data.delete(id)
    callback()
  }

  sessions (): string[] {
    return [...this.data.keys()].filter(id => !isEntry(this.peek(id)!))
  }

  peek (id: string): Record<string, unknown> | null {
    return JSON.parse(this.data.get(id) ?? 'null')
  }

  /** With the clock in force. */
  clockOf (id: string): { lastActivity: number } {
    return withClock(id, key => this.peek(key) ?? undefined)!.sessionTimeout as { lastActivity: number }
  }
}

export interface Scene {
  app: FastifyInstance
  browser: Browser
  logs: LogLine[]
  store: FaultyStore
  /** What the store keeps. */
  kept: PromptStore
  timeouts: SessionTimeout[]
  /** The requests of the open streams, in order of arrival. */
  requests: FastifyRequest[]
  /** Opens a stream over a real socket; the answer is there, the end is not. */
  open (path?: string, browser?: Browser): Promise<IncomingMessage>
}

/** A signed-in user of an application with a stream that says something each second. */
export async function setScene (t: Test, options: FastifySessionTimeoutOptions = {}, routes?: (app: FastifyInstance) => void | Promise<void>): Promise<Scene> {
  const kept = new PromptStore()
  const store = new FaultyStore(kept)
  const timeouts: SessionTimeout[] = []
  const requests: FastifyRequest[] = []
  const { app, logs } = await buildApp(t, {
    server: { forceCloseConnections: true },
    session: { store },
    timeout: {
      idleTimeout: 10 * minute,
      absoluteTimeout: 60 * minute,
      touchInterval: 0,
      appliesTo: signedIn,
      onTimeout: (_request, _reply, timeout) => { timeouts.push(timeout) },
      endpoint: '/session-timeout',
      ...options
    },
    routes: async app => {
      for (const [url, config] of [['/stream', {}], ['/strict', { sessionTimeout: { idleTimeout: 5 * minute } }], ['/unchecked', { sessionTimeout: false }]] as const) {
        app.get(url, { config }, async (request, reply) => {
          requests.push(request)
          const { signal } = request.sessionTimeout
          signal.throwIfAborted()
          const events = new PassThrough()
          events.write('open')
          const timer = setInterval(() => events.write('tick'), second)
          signal.addEventListener('abort', () => events.end('ended'))
          events.once('close', () => clearInterval(timer))
          return reply.send(events)
        })
      }
      await routes?.(app)
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  return { app, browser, logs, store, kept, timeouts, requests, open }

  async function open (path = '/stream', as = browser): Promise<IncomingMessage> {
    const request = get({ port, host: '127.0.0.1', path, agent: false, headers: { cookie: `sessionId=${as.cookie('sessionId')}` } })
    const [response] = await once(request, 'response') as [IncomingMessage]
    response.on('error', () => {}).resume()
    return response
  }
}

/** Lets sockets and stores, which are real, catch up with the clock, which is not. */
export async function settle (until: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !until(); turns++) await turn()
}

/** How many timers the application holds. */
export function timers (): number {
  return (setTimeout as unknown as { clock: { countTimers (): number } }).clock.countTimers()
}

/** What is kept beside sessions is taken out of the store when its time is over. */
export async function forgetEntries (clock: FakeClock): Promise<void> {
  clock.set(clock.now() + 2 * day)
  await clock.run(minute)
  await settle(() => timers() === 0)
}

export function signalOf (request: FastifyRequest | undefined): AbortSignal {
  return request!.sessionTimeout.signal
}

export function lines (logs: LogLine[], text: string): LogLine[] {
  return logs.filter(({ msg }) => msg.includes(text))
}
