/* Checked by tsc: a line that should be refused and is not makes @ts-expect-error an error. */
import Fastify, { type FastifyContextConfig, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import sessionTimeout, {
  policies, safeReturnPath, type AfterTimeout, type EndedReason, type FastifySessionTimeoutOptions,
  type RequestSessionTimeout,
  type RouteSessionTimeout, type SessionEndBus, type SessionTimeout, type TimeoutReason
} from '../index.js'

function expectType<Expected> (_value: Expected): void {}

const app: FastifyInstance = Fastify()

// Options: accepted.
app.register(sessionTimeout)
app.register(sessionTimeout, {})
app.register(sessionTimeout, { prefix: '/api' })
app.register(sessionTimeout, {
  idleTimeout: '15m',
  absoluteTimeout: 8 * 3_600_000,
  warnBefore: '2m',
  touchInterval: 0,
  rolling: false,
  sessionOnly: false,
  cookieName: 'sid',
  appliesTo: request => request.session !== null,
  countsAsActivity: request => request.method !== 'HEAD',
  afterTimeout: { redirectTo: '/login', returnParam: 'next', reasonParam: false },
  onTimeout: async (request, reply, timeout) => {
    expectType<FastifyRequest>(request)
    expectType<FastifyReply>(reply)
    expectType<TimeoutReason>(timeout.reason)
    expectType<number | null>(timeout.idleFor)
    expectType<unknown>(timeout.session.userId)
    // @ts-expect-error what ended is not to be changed
    timeout.reason = 'idle'
    // @ts-expect-error nor is the data
    timeout.session.userId = 'eve'
  },
  flash: { type: 'info', ended: reason => reason, expiring: remaining => `${remaining.toFixed()} ms` },
  endpoint: '/session-timeout'
})
app.register(sessionTimeout, { idleTimeout: false })
app.register(sessionTimeout, { idleTimeout: request => request.method === 'GET' ? '5m' : false, absoluteTimeout: () => 1000 })
app.register(sessionTimeout, { afterTimeout: 'continue', flash: true, endpoint: false, onTimeout () {} })
app.register(sessionTimeout, { ...policies.nistAal2, afterTimeout: 'unauthorized' })
app.register(sessionTimeout, policies.nistAal1)
const endBus: SessionEndBus = {
  publish: async message => { expectType<string>(message) },
  subscribe: async (listener, missed) => {
    listener('a digest')
    missed()
    return async () => {}
  }
}
app.register(sessionTimeout, { endBus })
app.register(sessionTimeout, { endBus: { publish: message => message.length, subscribe: () => () => {} } })

// Options: refused.
// @ts-expect-error a typo
app.register(sessionTimeout, { idleTimout: '15m' })
// @ts-expect-error not a duration
app.register(sessionTimeout, { idleTimeout: true })
// @ts-expect-error null is no way to leave an option out
app.register(sessionTimeout, { idleTimeout: null })
// @ts-expect-error a promise
app.register(sessionTimeout, { idleTimeout: async () => '5m' })
// @ts-expect-error nothing
app.register(sessionTimeout, { absoluteTimeout: () => undefined })
// @ts-expect-error nothing would ever be heard
app.register(sessionTimeout, { endBus: { publish () {} } })
// @ts-expect-error nothing would stop it
app.register(sessionTimeout, { endBus: { publish () {}, subscribe () {} } })
// @ts-expect-error no such thing as no warning time
app.register(sessionTimeout, { warnBefore: false })
// @ts-expect-error a function
app.register(sessionTimeout, { touchInterval: () => 1 })
// @ts-expect-error not a boolean
app.register(sessionTimeout, { rolling: 1 })
// @ts-expect-error not a boolean
app.register(sessionTimeout, { sessionOnly: 'yes' })
// @ts-expect-error not a string
app.register(sessionTimeout, { cookieName: false })
// @ts-expect-error a promise is truthy
app.register(sessionTimeout, { appliesTo: async () => true })
// @ts-expect-error not a function
app.register(sessionTimeout, { countsAsActivity: true })
// @ts-expect-error no such answer
app.register(sessionTimeout, { afterTimeout: 'redirect' })
// @ts-expect-error no target
app.register(sessionTimeout, { afterTimeout: { returnParam: 'next' } })
// @ts-expect-error a typo in the answer
app.register(sessionTimeout, { afterTimeout: { redirectTo: '/login', returnTo: '/x' } })
// @ts-expect-error true is no name
app.register(sessionTimeout, { afterTimeout: { redirectTo: '/login', returnParam: true } })
// @ts-expect-error texts come from functions
app.register(sessionTimeout, { flash: { ended: 'bye' } })
// @ts-expect-error true is no path
app.register(sessionTimeout, { endpoint: true })

// Route config.
app.get('/a', { config: { sessionTimeout: false } }, async () => {})
app.get('/b', { config: { sessionTimeout: {} } }, async () => {})
app.get('/c', { config: { sessionTimeout: { idleTimeout: '5m', countsAsActivity: false, afterTimeout: { redirectTo: '/login' } } } }, async () => {})
// @ts-expect-error a route cannot have no idle limit
app.get('/f', { config: { sessionTimeout: { idleTimeout: false } } }, async () => {})
// @ts-expect-error nor a function
app.get('/g', { config: { sessionTimeout: { idleTimeout: () => '5m' } } }, async () => {})
// @ts-expect-error a boolean, not a function
app.get('/h', { config: { sessionTimeout: { countsAsActivity: () => true } } }, async () => {})
// Fastify infers a type of its own from an inline config, which lets these through; they throw when the route is added.
// @ts-expect-error true says nothing
expectType<FastifyContextConfig>({ sessionTimeout: true })
// @ts-expect-error a typo
expectType<FastifyContextConfig>({ sessionTimeout: { idleTimout: '5m' } })
// @ts-expect-error the absolute limit belongs to the session
expectType<FastifyContextConfig>({ sessionTimeout: { absoluteTimeout: '5m' } })

// request.sessionTimeout.
app.get('/j', async request => {
  const { sessionTimeout } = request
  expectType<RequestSessionTimeout>(sessionTimeout)
  expectType<'idle' | 'absolute' | 'missing' | null>(sessionTimeout.ended)
  expectType<EndedReason | null>(sessionTimeout.ended)
  expectType<number | null>(sessionTimeout.startedAt)
  expectType<number | null>(sessionTimeout.lastActivity)
  expectType<number | null>(sessionTimeout.expiresAt)
  expectType<number | null>(sessionTimeout.remaining)
  expectType<boolean>(sessionTimeout.expiring)
  expectType<Promise<void>>(sessionTimeout.touch())
  expectType<Promise<void>>(sessionTimeout.restart())
  expectType<AbortSignal>(sessionTimeout.signal)
  // @ts-expect-error it may be null
  expectType<number>(sessionTimeout.remaining)
  // @ts-expect-error it is read, not set
  sessionTimeout.remaining = 5
  // @ts-expect-error it takes no instant: no time that somebody else sends is trusted
  sessionTimeout.touch(5)
  // @ts-expect-error there is no such thing
  sessionTimeout.extend()
})

// The types by themselves.
expectType<FastifySessionTimeoutOptions>({})
expectType<AfterTimeout>({ redirectTo: '/login' })
expectType<RouteSessionTimeout>(false)
expectType<Pick<SessionTimeout, 'reason'>>({ reason: 'absolute' })
// @ts-expect-error what is missing has not timed out
expectType<Pick<SessionTimeout, 'reason'>>({ reason: 'missing' })

// The rest of what is exported.
expectType<string>(safeReturnPath(5))
expectType<string>(safeReturnPath('/x', '/home'))
// @ts-expect-error the fallback is followed: it is a string
safeReturnPath('/x', null)
expectType<3_600_000 | number>(policies.nistAal2.idleTimeout)
// @ts-expect-error frozen
policies.nistAal2.idleTimeout = 5
// @ts-expect-error no such preset
policies.nistAal4.toString()
