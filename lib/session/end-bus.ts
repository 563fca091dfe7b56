import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { SessionEndBus } from '../../types/index.js'
import { second } from '../clock.js'
import { describeFault } from '../errors.js'

/** When a bus that could not be subscribed to is tried again. */
const pause = 30 * second

/** How often a process tells itself something, and how long it waits to hear it. */
const probeInterval = 10 * second

type Fault = 'publish' | 'subscribe' | 'hear' | 'untold'

const consequence = 'ends in other processes are noticed when the store is next asked'

const warnings: Record<Fault, string> = {
  publish: `endBus failed to publish: ${consequence}`,
  subscribe: `endBus failed to subscribe: ${consequence}`,
  hear: `endBus does not deliver: this process publishes and hears nothing of it; ${consequence}. A pooler in transaction mode cannot LISTEN`,
  untold: 'endBus was not told of an end in another process: every process on this store needs the same endBus, and has to be able to publish'
}

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
  readonly #faults = new Set<Fault>()
  /** What this process tells itself: nobody else knows it. */
  readonly #probe = `probe-${randomBytes(12).toString('base64url')}`
  #heardProbe = false
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
    return this.#subscribed && this.#heardProbe && this.#faults.size === 0
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

  /** An end was found in the store that this bus, which works here, has not told of. */
  noteUntold (): void {
    if (this.isHealthy) this.#note('untold')
  }

  /** A bus can take messages and deliver none. What it delivers to its own sender, it delivers. */
  #probeAgain (): void {
    this.#heardProbe = false
    this.publish(this.#probe)
    this.#timer = setTimeout(() => {
      if (!this.#heardProbe && !this.#faults.has('publish')) this.#note('hear')
      this.#probeAgain()
    }, probeInterval).unref()
  }

  #subscribe (): void {
    const hear = (digest: string): void => {
      if (digest === this.#probe) {
        this.#heardProbe = true
        this.#faults.delete('hear')
        return
      }
      for (const audience of this.#audience) audience.hear(digest)
    }
    const miss = (): void => { for (const audience of this.#audience) audience.lookUpAll() }
    ask(() => this.#bus.subscribe(hear, miss)).then(async unsubscribe => {
      // All may have left meanwhile.
      if (this.#members === 0) return unsubscribe()
      this.#unsubscribe = unsubscribe
      this.#subscribed = true
      this.#faults.delete('subscribe')
      miss()
      this.#probeAgain()
    }).catch(error => {
      this.#note('subscribe', error)
      if (this.#members > 0) this.#timer = setTimeout(() => this.#subscribe(), pause).unref()
    })
  }

  #note (fault: Fault, error?: unknown): void {
    if (this.#faults.has(fault)) return
    this.#faults.add(fault)
    this.#log.warn(error === undefined ? {} : { err: describeFault(error) }, warnings[fault])
  }
}

/** An exception counts as a rejection. */
async function ask<Answer> (operation: () => Answer | Promise<Answer>): Promise<Answer> {
  return await operation()
}
