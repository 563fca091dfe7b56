/* Checked by tsc: toEqualTypeOf() takes neither a subtype nor any, and a line that should be refused and is not makes @ts-expect-error an error. */
import type { SessionStore } from '@fastify/session'
import { expectTypeOf } from 'expect-type'
import Fastify, { type FastifyContextConfig, type FastifyInstance, type FastifyReply, type FastifyRequest, type Session } from 'fastify'
import sessionTimeout, {
  errors, policies, safeReturnPath, type AfterTimeout, type AppSessionTimeout, type Duration, type EndAllOptions,
  type EndedReason,
  type EndReason, type FastifySessionTimeoutOptions, type FlashOptions, type Limit, type RedirectAfterTimeout,
  type RequestSessionTimeout, type RouteSessionTimeout, type SessionEnd, type SessionEndBus,
  type SessionEndedError, type SessionStoreWithReplace, type SessionTimeout, type SessionTimeoutError,
  type SessionTimeoutErrorClass, type SessionTimeoutErrorCode, type TimeoutReason, type WatchOptions
} from '../index.js'

const app: FastifyInstance = Fastify()
const refuses = (_config: FastifyContextConfig): void => {}

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
    expectTypeOf(request).toEqualTypeOf<FastifyRequest>()
    expectTypeOf(reply).toEqualTypeOf<FastifyReply>()
    expectTypeOf(timeout.reason).toEqualTypeOf<TimeoutReason>()
    expectTypeOf(timeout.idleFor).toEqualTypeOf<number | null>()
    expectTypeOf(timeout.session.userId).toEqualTypeOf<string | undefined>()
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
  publish: async message => { expectTypeOf(message).toEqualTypeOf<string>() },
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
// @ts-expect-error true is no user
app.register(sessionTimeout, { user: () => true })
// @ts-expect-error a promise is not a user
app.register(sessionTimeout, { user: async () => 'ada' })
// @ts-expect-error a duration, or 0
app.register(sessionTimeout, { storeGrace: false })
// @ts-expect-error a list
app.register(sessionTimeout, { trustedOrigins: 'https://app.example' })
// @ts-expect-error true is no path
app.register(sessionTimeout, { endpoint: true })

// Route config.
app.get('/a', { config: { sessionTimeout: false } }, async () => {})
app.get('/b', { config: { sessionTimeout: {} } }, async () => {})
app.get('/c', { config: { sessionTimeout: { idleTimeout: '5m', countsAsActivity: false, afterTimeout: { redirectTo: '/login' } } } }, async () => {})
app.get('/d', { config: { sessionTimeout: { signedInWithin: '10m' } } }, async () => {})
// @ts-expect-error a duration
app.get('/e', { config: { sessionTimeout: { signedInWithin: true } } }, async () => {})
// @ts-expect-error a route cannot have no idle limit
app.get('/f', { config: { sessionTimeout: { idleTimeout: false } } }, async () => {})
// @ts-expect-error nor a function
app.get('/g', { config: { sessionTimeout: { idleTimeout: () => '5m' } } }, async () => {})
// @ts-expect-error a boolean, not a function
app.get('/h', { config: { sessionTimeout: { countsAsActivity: () => true } } }, async () => {})
// Fastify infers a type of its own from an inline config, which lets these through; they throw when the route is added.
// @ts-expect-error true says nothing
refuses({ sessionTimeout: true })
// @ts-expect-error a typo
refuses({ sessionTimeout: { idleTimout: '5m' } })
// @ts-expect-error the absolute limit belongs to the session
refuses({ sessionTimeout: { absoluteTimeout: '5m' } })

// request.sessionTimeout.
app.get('/j', async request => {
  const { sessionTimeout } = request
  expectTypeOf(sessionTimeout).toEqualTypeOf<RequestSessionTimeout>()
  expectTypeOf(sessionTimeout.ended).toEqualTypeOf<'idle' | 'absolute' | 'missing' | null>()
  expectTypeOf(sessionTimeout.startedAt).toEqualTypeOf<number | null>()
  expectTypeOf(sessionTimeout.lastActivity).toEqualTypeOf<number | null>()
  expectTypeOf(sessionTimeout.expiresAt).toEqualTypeOf<number | null>()
  expectTypeOf(sessionTimeout.remaining).toEqualTypeOf<number | null>()
  expectTypeOf(sessionTimeout.expiring).toEqualTypeOf<boolean>()
  expectTypeOf(sessionTimeout.touch()).toEqualTypeOf<Promise<void>>()
  expectTypeOf(sessionTimeout.restart()).toEqualTypeOf<Promise<void>>()
  expectTypeOf(sessionTimeout.signal).toEqualTypeOf<AbortSignal>()
  // @ts-expect-error it is read, not set
  sessionTimeout.remaining = 5
  // @ts-expect-error it takes no time: times that callers send are not trusted
  sessionTimeout.touch(5)
  // @ts-expect-error there is no such thing
  sessionTimeout.extend()
})

// app.sessionTimeout.
expectTypeOf(app.sessionTimeout).toEqualTypeOf<AppSessionTimeout>()
expectTypeOf(app.sessionTimeout.end).toEqualTypeOf<(sessionId: string) => Promise<boolean>>()
// @ts-expect-error an id, not a session
app.sessionTimeout.end({ sessionId: 'x' })
type EndAll = (user: string | number, options?: EndAllOptions) => Promise<void>
expectTypeOf(app.sessionTimeout.endAll).toEqualTypeOf<EndAll>()
expectTypeOf<EndAllOptions>().toEqualTypeOf<{ except?: string | undefined }>()
// @ts-expect-error a user is a string or a number
app.sessionTimeout.endAll(null)
// @ts-expect-error one session is excepted, by its id
app.sessionTimeout.endAll('ada', { except: ['x'] })
// @ts-expect-error there is only except
app.sessionTimeout.endAll('ada', { exept: 'x' })
type Watch = (sessionId: string, options: WatchOptions) => Promise<AbortSignal>
expectTypeOf(app.sessionTimeout.watch).toEqualTypeOf<Watch>()
expectTypeOf<WatchOptions>().toEqualTypeOf<{ until: AbortSignal }>()
// @ts-expect-error without it, a closed socket would be watched for as long as its session lasts
app.sessionTimeout.watch('id')

// The types by themselves, each name once.
expectTypeOf<Duration>().toEqualTypeOf<number | string>()
expectTypeOf<Limit>().toEqualTypeOf<number | string | false | ((request: FastifyRequest) => number | string | false)>()
expectTypeOf<TimeoutReason>().toEqualTypeOf<'idle' | 'absolute'>()
expectTypeOf<EndedReason>().toEqualTypeOf<'idle' | 'absolute' | 'missing'>()
expectTypeOf<EndReason>().toEqualTypeOf<'idle' | 'absolute' | 'signed-out' | 'revoked' | 'missing'>()
expectTypeOf<AfterTimeout>().toEqualTypeOf<'continue' | 'unauthorized' | RedirectAfterTimeout>()
expectTypeOf<RedirectAfterTimeout>().branded
  .toEqualTypeOf<{ redirectTo: string, returnParam?: string | false, reasonParam?: string | false }>()
expectTypeOf<FlashOptions['type']>().toEqualTypeOf<string | undefined>()
expectTypeOf<FlashOptions['ended']>().toEqualTypeOf<((reason: TimeoutReason, request: FastifyRequest) => string) | undefined>()
expectTypeOf<FlashOptions['expiring']>().toEqualTypeOf<((remaining: number, request: FastifyRequest) => string) | undefined>()
expectTypeOf<SessionTimeout['reason']>().toEqualTypeOf<TimeoutReason>()
expectTypeOf<SessionEnd['reason']>().toEqualTypeOf<EndReason>()
expectTypeOf<SessionStoreWithReplace>().toExtend<SessionStore>()
expectTypeOf<SessionStoreWithReplace['replace']>().parameters
  .toEqualTypeOf<[id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void]>()
expectTypeOf<RouteSessionTimeout>().extract<false>().toEqualTypeOf<false>()

// The type of each option.
type Options = Required<FastifySessionTimeoutOptions>
type OnRequest<Result> = (request: FastifyRequest) => Result
expectTypeOf<Options['idleTimeout']>().toEqualTypeOf<Limit>()
expectTypeOf<Options['absoluteTimeout']>().toEqualTypeOf<Limit>()
expectTypeOf<Options['warnBefore']>().toEqualTypeOf<Duration>()
expectTypeOf<Options['touchInterval']>().toEqualTypeOf<Duration>()
expectTypeOf<Options['rolling']>().toEqualTypeOf<boolean>()
expectTypeOf<Options['sessionOnly']>().toEqualTypeOf<boolean>()
expectTypeOf<Options['cookieName']>().toEqualTypeOf<string>()
expectTypeOf<Options['user']>().toEqualTypeOf<(session: FastifyRequest['session']) => string | number | null | undefined>()
expectTypeOf<Options['appliesTo']>().toEqualTypeOf<OnRequest<boolean>>()
expectTypeOf<Options['storeGrace']>().toEqualTypeOf<Duration>()
expectTypeOf<Options['trustedOrigins']>().toEqualTypeOf<readonly string[]>()
expectTypeOf<Options['countsAsActivity']>().toEqualTypeOf<OnRequest<boolean>>()
expectTypeOf<Options['afterTimeout']>().toEqualTypeOf<AfterTimeout>()
expectTypeOf<Options['onTimeout']>().parameters.toEqualTypeOf<[FastifyRequest, FastifyReply, SessionTimeout]>()
expectTypeOf<Options['onTimeout']>().returns.toEqualTypeOf<unknown>()
expectTypeOf<Options['flash']>().toEqualTypeOf<boolean | FlashOptions>()
expectTypeOf<Options['endpoint']>().toEqualTypeOf<string | false>()
expectTypeOf<Options['endBus']>().toEqualTypeOf<SessionEndBus>()
expectTypeOf<keyof Options>().toEqualTypeOf<
  'idleTimeout' | 'absoluteTimeout' | 'warnBefore' | 'touchInterval' | 'rolling' | 'sessionOnly' | 'cookieName' | 'user' |
  'appliesTo' | 'storeGrace' | 'trustedOrigins' | 'countsAsActivity' | 'afterTimeout' | 'onTimeout' | 'flash' | 'endpoint' | 'endBus'
>()

// Errors, in an error handler.
app.setErrorHandler((error, _request, reply) => {
  if (error instanceof errors.EndedError) {
    expectTypeOf(error).toExtend<SessionEndedError>()
    expectTypeOf(error.reason).toEqualTypeOf<EndReason>()
    expectTypeOf(error.code).toEqualTypeOf<'FST_SESSION_TIMEOUT_ENDED'>()
    return reply.code(error.statusCode).send({ signedOut: error.reason })
  }
  if (error instanceof errors.StaleError) expectTypeOf(error.code).toEqualTypeOf<'FST_SESSION_TIMEOUT_STALE'>()
  // @ts-expect-error the plugin makes them
  return new errors.StoreError()
})
expectTypeOf<SessionEndedError>().toExtend<SessionTimeoutError>()
expectTypeOf<SessionTimeoutError['code']>().toEqualTypeOf<SessionTimeoutErrorCode>()
expectTypeOf<InstanceType<SessionTimeoutErrorClass<SessionEndedError>>>().toEqualTypeOf<SessionEndedError>()
expectTypeOf<InstanceType<(typeof errors)[keyof typeof errors]>['code']>().toEqualTypeOf<SessionTimeoutErrorCode>()

// The rest of what is exported.
expectTypeOf(safeReturnPath(5)).toEqualTypeOf<string>()
expectTypeOf(safeReturnPath('/x', '/home')).toEqualTypeOf<string>()
// @ts-expect-error the fallback is followed: it is a string
safeReturnPath('/x', null)
expectTypeOf(policies.nistAal2).toExtend<FastifySessionTimeoutOptions>()
expectTypeOf(policies.nistAal2.idleTimeout).toEqualTypeOf<number>()
// @ts-expect-error frozen
policies.nistAal2.idleTimeout = 5
// @ts-expect-error no such preset
policies.nistAal4.toString()
