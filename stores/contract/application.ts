import cookie from '@fastify/cookie'
import session, { type SessionStore } from '@fastify/session'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import sessionTimeout, { type FastifySessionTimeoutOptions } from '../../index.js'
import { silenceRejections } from './store-access.js'

/** What an application answered. */
export interface Answer {
  /** 0: nothing within the time allowed. */
  readonly status: number
  readonly cookie: string | undefined
  readonly userId: string | null
  readonly sessionId: string | null
  /** Epoch ms. */
  readonly startedAt: number | null
  /** The deadline, epoch ms. */
  readonly expiresAt: number | null
}

export interface Ask {
  readonly path: string
  readonly cookie?: string | undefined
  /** Ms before the request is made. */
  readonly wait?: number
}

/** An application with this plugin on a store, in this process or in another. */
export interface Application {
  ask (ask: Ask): Promise<Answer>
  close (): Promise<void>
}

export interface ApplicationOptions {
  /** False leaves the plugin out: the control. */
  readonly timeout?: FastifySessionTimeoutOptions | false
  readonly idGenerator?: () => string
  /** The host's own maxAge, ms. */
  readonly maxAge?: number
  /** How long it may take to answer, ms. @default 30 s */
  readonly patience?: number
}

const secret = 'a secret that every process of the contract shares'

/** The same application in every process. */
export async function openApplication (store: object, options: ApplicationOptions = {}): Promise<Application> {
  const { timeout = {}, idGenerator, maxAge, patience = 30_000 } = options
  if (!timeout) silenceRejections(store)
  // A test may have its clock run ahead.
  const app = Fastify({ pluginTimeout: 0 })
  await app.register(cookie)
  await app.register(session, {
    secret,
    rolling: false,
    saveUninitialized: false,
    store: store as SessionStore,
    cookie: { secure: false, ...(maxAge !== undefined && { maxAge }) },
    ...(idGenerator && { idGenerator })
  })
  if (timeout) await app.register(sessionTimeout, { appliesTo: request => userOf(request) !== null, ...timeout })
  addRoutes(app)
  await app.ready()
  return { ask, close: () => app.close() }

  async function ask ({ path, cookie, wait = 0 }: Ask): Promise<Answer> {
    if (wait > 0) await pause(wait)
    const headers = cookie === undefined ? {} : { cookie }
    const response = await within(patience, app.inject({ method: 'POST', url: path, headers }))
    const set = response?.headers['set-cookie']
    return {
      status: response?.statusCode ?? 0,
      cookie: (Array.isArray(set) ? set[0] : set)?.split(';')[0],
      userId: null,
      sessionId: null,
      startedAt: null,
      expiresAt: null,
      ...(response?.statusCode === 200 && JSON.parse(response.body) as object)
    }
  }
}

/** What must not touch, so that a touch can be told from other writes. */
const passive = { config: { sessionTimeout: { countsAsActivity: false } } }

function addRoutes (app: FastifyInstance): void {
  app.post('/sign-in', async request => {
    await request.session.regenerate()
    put(request, 'userId', 'ada')
    return stateOf(request)
  })
  app.post('/sign-out', passive, async request => {
    const state = stateOf(request)
    await request.session.destroy()
    return state
  })
  // Signs out and keeps what a visitor may have.
  app.post('/leave', async request => {
    await request.session.regenerate(['basket'])
    put(request, 'basket', 'apples')
    return stateOf(request)
  })
  app.post<{ Querystring: { ms?: string } }>('/modify', passive, async request => {
    put(request, 'note', String(Math.random()))
    await pause(Number(request.query.ms ?? 0))
    return stateOf(request)
  })
  app.post('/regenerate', async request => {
    await request.session.regenerate(['userId'])
    return stateOf(request)
  })
  app.post('/restart', passive, async request => {
    await request.sessionTimeout.restart()
    return stateOf(request)
  })
  app.post('/touch', async request => stateOf(request))
  app.post('/me', passive, async request => stateOf(request))
}

function stateOf (request: FastifyRequest): object {
  return {
    userId: userOf(request),
    sessionId: request.session.sessionId,
    startedAt: request.sessionTimeout?.startedAt ?? null,
    expiresAt: request.sessionTimeout?.expiresAt ?? null
  }
}

function userOf ({ session }: FastifyRequest): string | null {
  return (session as unknown as { userId?: string } | null)?.userId ?? null
}

function put ({ session }: FastifyRequest, key: string, value: string): void {
  Object.assign(session, { [key]: value })
}

export function pause (ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Undefined where it takes longer. */
export async function within<Value> (ms: number, value: PromiseLike<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => { timer = setTimeout(() => resolve(undefined), ms) })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}
