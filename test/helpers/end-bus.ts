import type { SessionEndBus } from '../../index.js'

export type BusFault = 'ok' | 'throw' | 'reject' | 'hang'

/** What all processes share. */
export class Air {
  readonly said: string[] = []
  readonly buses = new Set<MemoryBus>()
}

/** The bus of one process, in memory; fails as it is told to. */
export class MemoryBus implements SessionEndBus {
  publishing: BusFault = 'ok'
  subscribing: BusFault = 'ok'
  stopping: BusFault = 'ok'
  /** Takes messages and delivers none to this process. */
  deaf = false
  readonly counts = { publish: 0, subscribe: 0, stop: 0 }
  readonly #air: Air
  #listener: ((message: string) => void) | undefined
  #missed: (() => void) | undefined
  #held: Array<() => void> = []

  constructor (air: Air) {
    this.#air = air
  }

  publish (message: string): void | Promise<void> {
    // What a process tells itself is of no interest to a test of what others are told.
    const isProbe = message.startsWith('probe-')
    if (!isProbe) this.counts.publish++
    return this.#after(this.publishing, 'publish', () => {
      if (!isProbe) this.#air.said.push(message)
      for (const bus of this.#air.buses) bus.hear(message)
    })
  }

  subscribe (listener: (message: string) => void, missed: () => void): Promise<() => void> {
    this.counts.subscribe++
    return Promise.resolve(this.#after(this.subscribing, 'subscribe', () => {
      this.#listener = listener
      this.#missed = missed
      this.#air.buses.add(this)
    })).then(() => () => this.#after(this.stopping, 'stop', () => {
      this.counts.stop++
      this.#air.buses.delete(this)
    }))
  }

  hear (message: unknown): void {
    if (!this.deaf) this.#listener?.(message as string)
  }

  /** The connection was lost, and is there again. */
  miss (): void {
    this.#missed?.()
  }

  /** Lets go of what hangs. */
  release (): void {
    for (const go of this.#held.splice(0)) go()
  }

  #after (fault: BusFault, what: string, deed: () => void): void | Promise<void> {
    const error = Object.assign(new Error(`no ${what}`), { code: 'EBUS', command: { args: ['a secret'] } })
    if (fault === 'throw') throw error
    if (fault === 'reject') return Promise.reject(error)
    if (fault === 'hang') return new Promise(resolve => { this.#held.push(() => resolve(deed())) })
    deed()
  }
}
