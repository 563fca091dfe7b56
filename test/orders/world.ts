import cookie from '@fastify/cookie'
import session, { type SessionStore } from '@fastify/session'
import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import Fastify, { type FastifyError, type FastifyInstance, type LightMyRequestResponse, type Session } from 'fastify'
import type { Test } from 'tap'
import sessionTimeout from '../../index.js'
import { entryId, entryIdOfUser, type EntryKind } from '../../lib/store/entries.js'
import { secret } from '../helpers/app.js'
import { minute, second } from '../helpers/time.js'
import { Conductor } from './conductor.js'

declare module 'fastify' {
  interface Session {
    other?: string
  }
}

// Kept before any test fakes them.
const { setImmediate } = globalThis

export const idleTimeout = 30 * minute
export const touchInterval = second

/** Changes what a process gets from its store, to see whether the search notices. */
export type Meddle = (store: SessionStore, world: World) => SessionStore

export interface WorldOptions {
  /** How many processes the requests are spread over. */
  readonly processes: 1 | 2
  /** Whether the stores have an atomic `replace`; else the plugin needs marks. */
  readonly replace: boolean
  readonly meddle?: Meddle
  /** @fastify/session's own option: it writes every session at the end of every request. */
  readonly rolling?: boolean
}

/** Processes by name. */
export const letters = 'ABC'

// Ids are of 32 hexadecimal digits.
const userNames = new Map(['ada', 'bob'].map(user => [entryIdOfUser(user, hex(0, 32)), `user ${user}`]))

const kinds: readonly EntryKind[] = ['ended', 'successor', 'activity', 'start']

/** Applications over one Map, whose operations a {@link Conductor} lets happen one by one. */
export class World {
  readonly conductor = new Conductor()
  readonly data = new Map<string, string>()
  readonly clock: Clock
  /** The applications that requests are sent to; each has a store object of its own, as in a process of its own. */
  readonly processes: FastifyInstance[] = []
  /** Another one, which knows nothing but what is in the store. */
  observer!: FastifyInstance
  /** How often onTimeout was called in each process since the last {@link renew}. */
  timeouts: number[] = []
  /** The requests whose `regenerate()` has exchanged a session. */
  readonly exchangers = new Set<number>()
  readonly #names = new Map<string, string>()
  #generation = 0

  constructor (clock: Clock) {
    this.clock = clock
  }

  /** Everything of the run before is gone; ids never come again. */
  renew (): void {
    this.data.clear()
    this.#names.clear()
    this.#generation++
    this.timeouts = []
    this.exchangers.clear()
  }

  /** By whom, and the how-many-eth: so that it has the same name in every order. */
  createId (): string {
    const maker = this.conductor.request ?? 'x'
    for (let count = 0; ; count++) {
      const name = `${maker}.${count}`
      const id = `${hex(this.#generation, 24)}${maker === 'x' ? 'ff' : hex(maker, 2)}${hex(count, 6)}`
      if (this.#names.has(id)) continue
      this.name(id, name)
      return id
    }
  }

  /** What the entries of a session are called. */
  name (id: string, name: string): void {
    this.#names.set(id, `session ${name}`)
    for (const kind of kinds) this.#names.set(entryId(id, kind), `${kind} ${name}`)
  }

  nameOf (id: string): string {
    return this.#names.get(id) ?? userNames.get(id) ?? 'unknown'
  }

  /** Whether an entry of the store is none of the plugin's. */
  isSession (id: string): boolean {
    return this.nameOf(id).startsWith('session')
  }

  /** Lets that time pass, with all that timers do in it. */
  async pass (ms: number): Promise<void> {
    const over = new AbortController()
    this.clock.setTimeout(() => over.abort(), ms)
    while (!over.signal.aborted) {
      this.clock.next()
      await settle()
    }
  }
}

function hex (value: number, length: number): string {
  return value.toString(16).padStart(length, '0')
}

/** Lets everything happen that waits for no operation of a store. */
export async function settle (turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>(resolve => setImmediate(resolve))
}

/** Time is faked until the end of the test. */
export function fakeTime (t: Test): Clock {
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1, 12),
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    ignoreMissingTimers: true
  })
  t.teardown(() => clock.uninstall())
  return clock
}

export async function openWorld (t: Test, clock: Clock, options: WorldOptions): Promise<World> {
  const world = new World(clock)
  for (let process = 0; process < options.processes; process++) {
    world.processes.push(await openProcess(t, world, process, options))
  }
  const { meddle: _, ...plain } = options
  world.observer = await openProcess(t, world, options.processes, plain)
  return world
}

async function openProcess (t: Test, world: World, process: number, options: WorldOptions): Promise<FastifyInstance> {
  const { meddle, replace, rolling = false } = options
  const store = createStore(world, process, replace)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(session, {
    secret,
    store: meddle ? meddle(store, world) : store,
    rolling,
    saveUninitialized: false,
    idGenerator: () => world.createId(),
    cookie: { secure: false }
  })
  await app.register(sessionTimeout, {
    idleTimeout,
    touchInterval,
    user: session => session.userId,
    endpoint: '/session-timeout',
    afterTimeout: 'unauthorized',
    onTimeout () { world.timeouts[process] = (world.timeouts[process] ?? 0) + 1 }
  })
  app.setErrorHandler<FastifyError & { reason?: string }>((error, _request, reply) => {
    reply.code(error.statusCode ?? 500).send({ code: error.code, reason: error.reason, message: error.message })
  })
  addRoutes(app, () => { if (world.conductor.request !== undefined) world.exchangers.add(world.conductor.request) })
  await app.ready()
  return app
}

type ReplacingStore = SessionStore & {
  replace? (id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void): void
}

type Answer<Value> = (error: unknown, value?: Value) => void

function createStore (world: World, process: number, replace: boolean): ReplacingStore {
  const { conductor, data } = world
  const operation = <Value>(verb: string, id: string, writes: boolean, effect: () => Value, answer: Answer<Value>) => {
    const key = world.nameOf(id)
    conductor.operation({ process, name: `${letters[process]} ${verb} ${key}`, key, writes, effect, answer })
  }
  return {
    get (id, callback) {
      operation('get', id, false, () => {
        const json = data.get(id)
        return json === undefined ? null : JSON.parse(json)
      }, callback)
    },
    set (id, session, callback) {
      const json = JSON.stringify(session)
      operation('set', id, true, () => { data.set(id, json) }, callback)
    },
    destroy (id, callback) {
      operation('destroy', id, true, () => { data.delete(id) }, callback)
    },
    ...replace && {
      replace (id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void) {
        const json = JSON.stringify(session)
        operation('replace', id, true, () => data.has(id) && Boolean(data.set(id, json)), callback)
      }
    }
  }
}

interface Saving {
  Querystring: { value: string }
}

/** Only a visit is an activity: the others show what one thing does beside another. */
function addRoutes (app: FastifyInstance, noteExchange: () => void): void {
  const passive = { config: { sessionTimeout: { countsAsActivity: false } } }
  app.post<{ Querystring: { user?: string } }>('/sign-in', { config: { sessionTimeout: { countsAsActivity: false, afterTimeout: 'continue' } } }, async request => {
    const user = request.session.userId ?? null
    await request.session.regenerate()
    if (user !== null) noteExchange()
    request.session.userId = request.query.user ?? 'ada'
    return { user, now: request.session.userId }
  })
  app.get('/visit', async request => ({ user: request.session.userId ?? null }))
  app.get('/me', passive, async ({ session }) => ({ user: session.userId ?? null, note: session.note ?? null, other: session.other ?? null }))
  app.post<Saving>('/note', passive, async ({ session, query }) => {
    const user = session.userId ?? null
    if (user !== null) session.note = query.value
    return { user }
  })
  app.post<Saving>('/other', passive, async ({ session, query }) => {
    const user = session.userId ?? null
    if (user !== null) session.other = query.value
    return { user }
  })
  app.post<Saving>('/visit-and-note', async ({ session, query }) => {
    const user = session.userId ?? null
    if (user !== null) session.note = query.value
    return { user }
  })
  app.post('/renew', passive, async request => {
    const user = request.session.userId ?? null
    if (user !== null) {
      await request.session.regenerate(['userId', 'note', 'other'])
      noteExchange()
    }
    return { user, now: request.session.userId ?? null }
  })
  app.post('/sign-out', passive, async request => {
    const user = request.session.userId ?? null
    await request.session.destroy()
    return { user }
  })
  app.post<{ Querystring: { id: string } }>('/end', { config: { sessionTimeout: false } }, async request => ({ ended: await app.sessionTimeout.end(request.query.id) }))
  app.post<{ Querystring: { user: string, except?: string } }>('/end-all', { config: { sessionTimeout: false } }, async ({ query: { user, ...options } }) => {
    await app.sessionTimeout.endAll(user, options)
    return { signedOut: user }
  })
  app.post('/restart', passive, async request => {
    const user = request.session.userId ?? null
    if (user !== null) await request.sessionTimeout.restart()
    return { user }
  })
}

/** The session cookie that a response sets, as a browser sends it back; undefined for none, and for one that clears it. */
export function cookieOf (response: LightMyRequestResponse): string | undefined {
  const line = [response.headers['set-cookie'] ?? []].flat().find(header => header.startsWith('sessionId='))
  const pair = line?.split(';')[0]
  return pair === 'sessionId=' ? undefined : pair
}
