import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { SessionEndBus } from '../../types/index.js'
import { second } from '../clock.js'
import { describeFault } from '../errors.js'

/** When a bus that could not be subscribed to is tried again. */
const pause = 30 * second

/** How often a process sends a message to itself, and how long it waits for it. */
const probeInterval = 10 * second

type Fault = 'publish' | 'subscribe' | 'deliver' | 'missed'

const consequence = 'ends in other processes are noticed when the store is next asked'

const warnings: Record<Fault, string> = {
  publish: `endBus failed to publish: ${consequence}`,
  subscribe: `endBus failed to subscribe: ${consequence}`,
  deliver: `endBus does not deliver: this process publishes and hears nothing of it; ${consequence}. A pooler in transaction mode cannot LISTEN`,
  missed: 'endBus was not told of an end in another process: every process on this store needs the same endBus, and has to be able to publish'
}

/** Receives messages about ends in other processes: the sessions of one store. A message is a hint: the store is always checked. */
export interface EndBusListener {
  readonly busLinks: Set<EndBusLink>
  /** The session with that digest may be over. */
  receive (digest: string): void
  /** Any session may be over: the message about it may be lost. */
  lookUpAll (): void
}

const byBus = new WeakMap<SessionEndBus, EndBusLink>()

/** One link for each bus, however many registrations use it. Every join ends with a {@link EndBusLink.leave}. */
export function joinBus (bus: SessionEndBus, log: FastifyBaseLogger): EndBusLink {
  let link = byBus.get(bus)
  if (link === undefined) byBus.set(bus, link = new EndBusLink(bus, log))
  link.join()
  return link
}

/** This process on a bus. Whatever the bus does, neither a request nor an end waits for it or fails with it. */
export class EndBusLink {
  readonly #bus: SessionEndBus
  readonly #log: FastifyBaseLogger
  readonly #listeners = new Set<EndBusListener>()
  /** What does not work, each logged when it begins. */
  readonly #faults = new Set<Fault>()
  /** A message that this process sends to itself; no other process knows it. */
  readonly #probe = `probe-${randomBytes(12).toString('base64url')}`
  #receivedProbe = false
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
    return this.#subscribed && this.#receivedProbe && this.#faults.size === 0
  }

  join (): void {
    if (this.#members++ === 0) this.#subscribe()
  }

  /** The last one to leave unsubscribes. */
  async leave (): Promise<void> {
    if (--this.#members > 0) return
    byBus.delete(this.#bus)
    clearTimeout(this.#timer)
    for (const { busLinks } of this.#listeners) busLinks.delete(this)
    this.#listeners.clear()
    try {
      await this.#unsubscribe?.()
    } catch (error) {
      this.#note('subscribe', error)
    }
  }

  attach (listener: EndBusListener): void {
    if (this.#members === 0 || this.#listeners.has(listener)) return
    this.#listeners.add(listener)
    listener.busLinks.add(this)
    // It missed earlier messages.
    listener.lookUpAll()
  }

  publish (digest: string): void {
    ask(() => this.#bus.publish(digest)).then(
      () => { this.#faults.delete('publish') },
      error => this.#note('publish', error)
    )
  }

  /** An end was found in the store that this bus, which works here, did not announce. */
  noteMissedMessage (): void {
    if (this.isHealthy) this.#note('missed')
  }

  /** A bus can take messages and deliver none. What it delivers to its own sender, it delivers. */
  #probeAgain (): void {
    this.#receivedProbe = false
    this.publish(this.#probe)
    this.#timer = setTimeout(() => {
      if (!this.#receivedProbe && !this.#faults.has('publish')) this.#note('deliver')
      this.#probeAgain()
    }, probeInterval).unref()
  }

  #subscribe (): void {
    const receive = (digest: string): void => {
      if (digest === this.#probe) {
        this.#receivedProbe = true
        this.#faults.delete('deliver')
        return
      }
      for (const listener of this.#listeners) listener.receive(digest)
    }
    const miss = (): void => { for (const listener of this.#listeners) listener.lookUpAll() }
    ask(() => this.#bus.subscribe(receive, miss)).then(async unsubscribe => {
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
