// Applications in a process of their own, which must live through what they are asked; see process-stays.test.ts.
import { Readable } from 'node:stream'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type FastifyInstance } from 'fastify'
import sessionTimeout, { type FastifySessionTimeoutOptions } from '../../index.js'

declare module 'fastify' {
  interface Session {
    views?: number
  }
}

async function build (timeout: FastifySessionTimeoutOptions): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, { secret: 'a secret that is long enough for these processes', cookie: { secure: false } })
  await app.register(sessionTimeout, timeout)
  app.get('/', async request => {
    request.session.views = (request.session.views ?? 0) + 1
    return 'here'
  })
  return app
}

/** What came of a deed; `died` is what would have ended the process. */
export interface Outcome {
  name: string
  status: number
  died: string[]
}

/** Whatever an async function rejects with, and whatever it is for. */
async function rejecting (): Promise<never> {
  throw new Error('The database is down')
}

const deeds: Record<string, () => Promise<number>> = {
  async upgrade () {
    const app = await build({})
    app.get('/stream', async () => Readable.from(['here']))
    const response = await app.inject({ url: '/stream', headers: { connection: 'Upgrade', upgrade: 'websocket' } })
    return response.statusCode
  },
  user: () => ask({ user: rejecting as never }),
  appliesTo: () => ask({ appliesTo: rejecting as never }),
  countsAsActivity: () => ask({ countsAsActivity: rejecting as never, touchInterval: 0 }),
  idleTimeout: () => ask({ idleTimeout: rejecting as never }),
  absoluteTimeout: () => ask({ absoluteTimeout: rejecting as never })
}

/** The status of a second visit, on which every option function has been called. */
async function ask (timeout: FastifySessionTimeoutOptions): Promise<number> {
  const app = await build(timeout)
  const first = await app.inject('/')
  const { now } = Date
  Date.now = () => now() + 1000
  const sessionCookie = String(first.headers['set-cookie'] ?? '').split(';')[0]!
  const second = await app.inject({ url: '/', headers: { cookie: sessionCookie } })
  return Math.max(first.statusCode, second.statusCode)
}

let died: string[] = []

// Node would end the process here; it lives on to tell, and to do the next deed.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => { died.push(String(error)) })
}

for (const [name, deed] of Object.entries(deeds)) {
  died = []
  const status = await deed()
  // What nobody has caught is reported before the next turn is over.
  await new Promise(resolve => setTimeout(resolve, 20))
  process.send!({ name, status, died } satisfies Outcome)
}
process.disconnect()
