import type { FastifyBaseLogger } from 'fastify'
import type { SessionEndBus } from '../../types/index.js'
import { second } from '../clock.js'
import { describeFault } from '../errors.js'

/** When a bus that could not be subscribed to is tried again. */
const pause = 30 * second

/** Who hears of ends in other processes: the sessions of one store. What is heard is never believed, only looked into. */
export interface Audience {
  readonly lines: Set<EndLine>
  /** The session with that digest may be over. */
  hear (digest: string): void
  /** Any session may be over: what told of it may be lost. */
  lookUpAll (): void
}

const byBus = new WeakMap<SessionEndBus, EndLine>()

/** One line for each bus, however many registrations use it. Every join ends with a {@link EndLine.leave}. */
export function joinBus (bus: SessionEndBus, log: FastifyBaseLogger): EndLine {
  let line = byBus.get(bus)
  if (line === undefined) byBus.set(bus, line = new EndLine(bus, log))
  line.join()
  return line
}

/** This process on a bus. Whatever the bus does, neither a request nor an end waits for it or fails with it. */
export class EndLine {
  readonly #bus: SessionEndBus
  readonly #log: FastifyBaseLogger
  readonly #audience = new Set<Audience>()
  /** What does not work, each logged when it begins. */
  readonly #faults = new Set<'publish' | 'subscribe'>()
  #members = 0
  #subscribed = false
  #unsubscribe: (() => unknown) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor (bus: SessionEndBus, log: FastifyBaseLogger) {
    this.#bus = bus
    this.#log = log
  }

  /** Whether ends in other processes are heard of, as far as this one knows. */
  get isHealthy (): boolean {
    return this.#subscribed && this.#faults.size === 0
  }

  join (): void {
    if (this.#members++ === 0) this.#subscribe()
  }

  /** The last one to leave unsubscribes. */
  async leave (): Promise<void> {
    if (--this.#members > 0) return
    byBus.delete(this.#bus)
    clearTimeout(this.#timer)
    for (const { lines } of this.#audience) lines.delete(this)
    this.#audience.clear()
    try {
      await this.#unsubscribe?.()
    } catch (error) {
      this.#note('subscribe', error)
    }
  }

  attach (audience: Audience): void {
    if (this.#members === 0 || this.#audience.has(audience)) return
    this.#audience.add(audience)
    audience.lines.add(this)
    // What was told before, it has not heard.
    audience.lookUpAll()
  }

  publish (digest: string): void {
    ask(() => this.#bus.publish(digest)).then(
      () => { this.#faults.delete('publish') },
      error => this.#note('publish', error)
    )
  }

  #subscribe (): void {
    const hear = (digest: string): void => { for (const audience of this.#audience) audience.hear(digest) }
    const miss = (): void => { for (const audience of this.#audience) audience.lookUpAll() }
    ask(() => this.#bus.subscribe(hear, miss)).then(async unsubscribe => {
      // All may have left meanwhile.
      if (this.#members === 0) return unsubscribe()
      this.#unsubscribe = unsubscribe
      this.#subscribed = true
      this.#faults.delete('subscribe')
      miss()
    }).catch(error => {
      this.#note('subscribe', error)
      if (this.#members > 0) this.#timer = setTimeout(() => this.#subscribe(), pause).unref()
    })
  }

  #note (fault: 'publish' | 'subscribe', error: unknown): void {
    if (this.#faults.has(fault)) return
    this.#faults.add(fault)
    this.#log.warn({ err: describeFault(error) },
      `endBus failed to ${fault}: ends in other processes are noticed when the store is next asked`)
  }
}

/** An exception counts as a rejection. */
async function ask<Answer> (operation: () => Answer | Promise<Answer>): Promise<Answer> {
  return await operation()
}
