import cookie from '@fastify/cookie'
import flash from '@fastify/flash'
import session, { type FastifySessionOptions } from '@fastify/session'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import sessionTimeout, { type FastifySessionTimeoutOptions } from '../../index.js'

declare module 'fastify' {
  interface Session {
    userId?: string
    role?: string
    cart?: string[]
    views?: number
    note?: string
  }
}

export interface LogLine {
  level: number
  msg: string
  [key: string]: unknown
}

export interface TestApp {
  app: FastifyInstance
  logs: LogLine[]
}

export interface AppOptions {
  session?: Partial<FastifySessionOptions>
  /** False leaves the plugin out: the control. */
  timeout?: FastifySessionTimeoutOptions | false
  flash?: boolean
  server?: FastifyServerOptions
  /** Before everything else. */
  before?: (app: FastifyInstance) => void
  /** Between @fastify/session and the plugin. */
  beforeTimeout?: (app: FastifyInstance) => void
  /** Between the plugin and the standard routes. */
  routes?: (app: FastifyInstance) => void | Promise<void>
}

export const secret = 'a secret for the tests that is long enough for a signature'

/** An application with sessions, the plugin and a few routes; closed at the end of the test. */
export async function buildApp (t: Test, options: AppOptions = {}): Promise<TestApp> {
  const logs: LogLine[] = []
  const stream = { write: (line: string) => { logs.push(JSON.parse(line)) } }
  const app = Fastify({ ...options.server, logger: { level: 'info', stream } })
  t.teardown(() => app.close())
  options.before?.(app)
  await app.register(cookie)
  await app.register(session, {
    secret,
    rolling: false,
    saveUninitialized: false,
    ...options.session,
    cookie: { secure: false, sameSite: 'lax', path: '/', ...options.session?.cookie }
  })
  if (options.flash) await app.register(flash)
  options.beforeTimeout?.(app)
  if (options.timeout !== false) await app.register(sessionTimeout, options.timeout ?? {})
  await options.routes?.(app)
  app.post<{ Querystring: { user?: string, role?: string } }>('/sign-in', async request => {
    await request.session.regenerate()
    request.session.userId = request.query.user ?? 'ada'
    if (request.query.role !== undefined) request.session.role = request.query.role
    return { userId: request.session.userId }
  })
  app.post('/sign-out', async request => {
    await request.session.destroy()
    return 'bye'
  })
  app.get('/me', async request => ({
    userId: request.session.userId ?? null,
    sessionId: request.session.sessionId,
    ended: request.sessionTimeout?.ended ?? null,
    remaining: request.sessionTimeout?.remaining ?? null
  }))
  await app.ready()
  return { app, logs }
}

/** Only signed-in users' sessions time out: how most applications set the plugin up. */
export function signedIn (request: { session: { userId?: string } }): boolean {
  return request.session.userId !== undefined
}

/** Fastify's options for its router, which older releases of Fastify 5 take beside the others. */
export function routing (options: object): FastifyServerOptions {
  const inPlace = Object.assign<FastifyServerOptions, object>({}, { routerOptions: options })
  return 'routerOptions' in Fastify(inPlace).initialConfig ? inPlace : options
}
