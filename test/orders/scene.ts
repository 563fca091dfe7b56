import type { LightMyRequestResponse } from 'fastify'
import { minute, second } from '../helpers/time.js'
import type { Event, Fault } from './conductor.js'
import { pauseBefore, type Deed } from './deeds.js'
import type { Choose, Played } from './explore.js'
import { findWrongs } from './promises.js'
import { cookieOf, idleTimeout, letters, settle, type World } from './world.js'

/** A request of a scene: what it does, and where. */
export interface Part {
  readonly deed: Deed
  readonly process: number
}

/** What became of a request of a scene. */
export interface Did extends Part {
  readonly status: number
  readonly body: { readonly [key: string]: unknown }
  /** How many events had happened when it began; 0 where that is no event. */
  readonly beganAt: number
  /** The session cookie that it sent. */
  readonly cookie: string | undefined
  /** How many events had happened. */
  readonly answeredAt: number
}

export interface SceneOptions {
  readonly fault?: Fault
  /** Whether an operation's effect and its answer are one moment. */
  readonly joined?: boolean
  /** Whether nobody looks after anything later: to see whether the search would notice. */
  readonly skipMinute?: boolean
}

/** What was seen in an order. */
export interface Outcome {
  readonly wrongs: readonly string[]
  /** What there is in the end, to compare orders by. */
  readonly state: string
  /** Whether the fault hit an operation. */
  readonly faultHit: boolean
}

/** How long a store is waited for, and a bit more. */
const patience = 11 * second

/** One signed-in session, and concurrent requests that come with its cookie. */
export class Scene {
  readonly world: World
  readonly parts: readonly Part[]
  readonly options: SceneOptions
  id = ''
  cookie = ''
  signedInAt = 0
  /** When the requests come, epoch ms. */
  at = 0
  /** How many events had happened when the deadline passed. */
  deadlineAt = Infinity
  /** How many events have happened. */
  happened = 0
  did: Array<Did | undefined> = []
  /** When each began that has a beginning of its own. */
  readonly begun = new Map<number, number>()

  constructor (world: World, parts: readonly Part[], options: SceneOptions = {}) {
    this.world = world
    this.parts = parts
    this.options = options
  }

  get title (): string {
    const { fault } = this.options
    const parts = this.parts.map(({ deed, process }) => `${deed.name} in ${letters[process]}`).join(', ')
    return fault ? `${parts}; operation ${fault.operation} of request ${fault.request} ${fault.kind}` : parts
  }

  send (process: number, method: 'GET' | 'POST' | 'DELETE', url: string): Promise<LightMyRequestResponse> {
    return this.world.processes[process]!.inject({ method, url, headers: { cookie: this.cookie } })
  }

  sendWithout (process: number, method: 'POST', url: string): Promise<LightMyRequestResponse> {
    return this.world.processes[process]!.inject({ method, url })
  }

  /** A deed begins when an order says so. */
  async begin (label: string, process: number): Promise<void> {
    const { conductor } = this.world
    await conductor.step(label, process)
    this.begun.set(conductor.request!, this.happened)
  }

  passDeadline (): void {
    this.deadlineAt = Math.min(this.deadlineAt, this.happened)
    this.setTime(Math.max(Date.now(), this.signedInAt + idleTimeout))
  }

  /** No timer falls due. */
  setTime (at: number): void {
    this.world.clock.setSystemTime(at)
  }

  /** Plays the scene from its beginning. */
  async play (choose: Choose): Promise<Played<Outcome>> {
    const { world } = this
    const { conductor } = world
    await this.#prepare()
    conductor.fault = this.options.fault
    conductor.joined = this.options.joined ?? false
    conductor.begin()
    this.did = this.parts.map(() => undefined)
    this.happened = 0
    this.begun.clear()
    this.deadlineAt = Infinity
    const answers = this.parts.map((part, request) => conductor.act(request, () => this.#act(part, request)))
    const all = Promise.all(answers)
    // Seen below, when everything has happened that can.
    all.catch(() => {})
    const order: string[] = []
    const labels: string[] = []
    let givenUp = false
    for (let waits = 0; waits < 5;) {
      await settle()
      const pending = this.#pending()
      if (pending.length === 0) {
        if (this.did.every(did => did !== undefined)) break
        waits++
        await world.pass(patience)
        continue
      }
      let event = givenUp ? pending[0] : choose(pending)
      if (event === undefined) {
        givenUp = true
        event = pending[0]!
      }
      const index = conductor.pending.indexOf(event)
      if (index >= 0) conductor.pending.splice(index, 1)
      order.push(event.id)
      labels.push(event.label)
      this.happened++
      event.fire()
      if (event.id === halfMinute) await world.pass(minute / 2)
    }
    conductor.end()
    const { faultHit } = conductor
    if (givenUp) return { outcome: undefined, order, labels }
    if (this.did.every(did => did !== undefined)) await all
    if (faultHit && !this.options.skipMinute) await world.pass(minute + second)
    const { wrongs, state } = await findWrongs(this)
    return { outcome: { wrongs, state, faultHit }, order, labels }
  }

  /** What can happen next. What a store does late may also happen when others have looked after it for a while. */
  #pending (): readonly Event[] {
    const pending = [...this.world.conductor.pending]
    if (pending.length !== 1 || !pending[0]!.late || this.#hasWaited) return pending
    if (this.did.some(did => did === undefined)) return pending
    return [...pending, { id: halfMinute, label: 'half a minute passes', process: undefined, key: undefined, writes: false, global: true, fire: () => { this.#hasWaited = true } }]
  }

  #hasWaited = false

  async #prepare (): Promise<void> {
    const { world } = this
    this.#hasWaited = false
    world.renew()
    this.signedInAt = Date.now()
    const response = await world.processes[0]!.inject({ method: 'POST', url: '/sign-in' })
    this.cookie = cookieOf(response)!
    this.id = idIn(this.cookie)
    world.name(this.id, 'old')
    this.at = this.signedInAt + pauseBefore(this.parts.map(({ deed }) => deed))
    this.setTime(this.at)
  }

  async #act ({ deed, process }: Part, request: number): Promise<void> {
    const response = await deed.run(this, process)
    this.did[request] = {
      deed,
      process,
      status: response.statusCode,
      body: response.body === '' ? {} : response.json(),
      beganAt: this.begun.get(request) ?? 0,
      cookie: cookieOf(response),
      answeredAt: this.happened
    }
  }
}

const halfMinute = 'half a minute'

/** The id of the session that a cookie holds. */
export function idIn (cookie: string): string {
  return decodeURIComponent(cookie).slice('sessionId='.length).split('.')[0]!
}
