// An application in a process of its own, which must live whatever it is asked to answer; it takes requests as messages.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import sessionTimeout from '../../index.js'
import { JsonStore } from '../helpers/stores.js'
import type { Oddity, Question } from './process-lives.test.js'

// So that a touch is due at every request.
let ahead = 0
const { now } = Date
Date.now = () => now() + ahead

/** JSON has neither NaN nor functions. */
const values: Record<string, () => unknown> = {
  NaN: () => NaN,
  Infinity: () => Infinity,
  'invalid date': () => new Date(NaN),
  'far date': () => new Date(8.64e15),
  symbol: () => Symbol('odd'),
  function: () => () => {},
  undefined: () => undefined,
  bigint: () => 1n
}

function valueOf (odd: unknown): unknown {
  return typeof odd === 'object' && odd !== null && 'is' in odd ? values[String((odd as { is: string }).is)]!() : odd
}

function apply (request: FastifyRequest, reply: FastifyReply, odd: Oddity): void {
  const { cookie } = request.session as unknown as { cookie: { [name: string]: unknown } }
  for (const [name, value] of odd.headers ?? []) reply.header(name, valueOf(value))
  for (const [name, value] of odd.rawHeaders ?? []) reply.raw.setHeader(name, valueOf(value) as string)
  for (const [name, value] of odd.cookie ?? []) cookie[name] = valueOf(value)
  if (odd.cookieObject !== undefined) Object.assign(request.session, { cookie: valueOf(odd.cookieObject) })
}

async function build (withPlugin: boolean): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, {
    secret: 'a secret for the process that must live, long enough',
    rolling: false,
    saveUninitialized: false,
    store: new JsonStore(),
    cookie: { secure: false, path: '/' }
  })
  if (withPlugin) await app.register(sessionTimeout, { touchInterval: 0, idleTimeout: '400d', absoluteTimeout: false, endpoint: '/session-timeout' })
  app.post('/sign-in', async request => {
    await request.session.regenerate()
    request.session.userId = 'ada'
    return 'in'
  })
  app.get('/me', async request => ({ userId: request.session.userId ?? null }))
  app.post<{ Body: Oddity }>('/odd', async (request, reply) => {
    apply(request, reply, request.body)
    if (request.body.modify) request.session.note = request.id
    return 'odd'
  })
  app.post<{ Body: Oddity }>('/odd-late', async request => ({ odd: request.body ? 'late' : '' }))
  app.addHook('preSerialization', async (request, reply, payload) => {
    if (request.url === '/odd-late') apply(request, reply, request.body as Oddity)
    return payload
  })
  await app.ready()
  return app
}

const instance = await build(process.argv[2] === 'true')

let answer: ((fields: object) => void) | undefined

// Node would end the process here; it lives on to tell, and to be asked the next question.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => answer?.({ died: String((error as Error)?.stack ?? error).slice(0, 500) }))
}

process.on('message', async ({ number, oddity, url }: Question) => {
  answer = fields => { process.send!({ number, ...fields }) }
  ahead += 1000
  const signedIn = await instance.inject({ method: 'POST', url: '/sign-in' })
  const headers = { cookie: String(signedIn.headers['set-cookie']).split(';')[0]! }
  ahead += 1000
  const response = await instance.inject({ method: 'POST', url, headers, payload: oddity as object })
  const after = await servesOthers()
  answer({ status: response.statusCode, body: response.body.slice(0, 200), after })
})

/** Whether the application still serves somebody else. */
async function servesOthers (): Promise<boolean> {
  const signedIn = await instance.inject({ method: 'POST', url: '/sign-in' })
  const me = await instance.inject({ url: '/me', headers: { cookie: String(signedIn.headers['set-cookie']).split(';')[0]! } })
  return me.statusCode === 200 && me.json().userId === 'ada'
}

process.send!({ number: -1 })
