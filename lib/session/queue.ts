import { StoreError } from '../errors.js'

/** How many operations may wait for one session. More are a crowd: a browser opens a few dozen at most. */
const maxWaiting = 1000

/**
 * Runs operations one after the other; the first at once. Each settles in time, since every store call does
 * (lib/store/call-store.ts), so that nothing here needs a timer.
 */
export class Queue {
  #busy = false
  #waiting: Array<() => void> | undefined

  /** @throws what the operation throws; FST_SESSION_TIMEOUT_STORE when too many are waiting */
  async run<Result> (operation: () => Promise<Result>): Promise<Result> {
    if (this.#busy) {
      const waiting = this.#waiting ??= []
      if (waiting.length >= maxWaiting) throw new StoreError({ cause: new Error(`More than ${maxWaiting} operations wait for one session`) })
      await new Promise<void>(resolve => waiting.push(resolve))
    }
    this.#busy = true
    try {
      return await operation()
    } finally {
      // Whoever is woken runs later, from the event loop, not from here: no crowd grows the stack.
      const next = this.#waiting?.shift()
      if (next === undefined) this.#busy = false
      else next()
    }
  }
}
