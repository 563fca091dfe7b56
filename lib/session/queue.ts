import { second } from '../clock.js'

type Operation = (done: () => void) => void

/** How long an operation may keep others waiting: a store that has lost its answer never gives it. */
const patience = 10 * second

/** Runs operations one after the other; the first at once, and synchronously when it is. */
export class Queue {
  #busy = false
  #waiting: Operation[] | undefined
  #timer: NodeJS.Timeout | undefined
  #turn = 0

  run (operation: Operation): void {
    if (this.#busy) {
      (this.#waiting ??= []).push(operation)
      this.#timer ??= this.#wait()
      return
    }
    this.#busy = true
    const turn = ++this.#turn
    operation(() => this.#next(turn))
  }

  /** An operation whose patience is over may still report: it is nobody's turn any more then. */
  #next (turn: number): void {
    if (turn !== this.#turn || !this.#busy) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#busy = false
    const next = this.#waiting?.shift()
    if (next === undefined) return
    this.run(next)
    if (this.#busy && this.#waiting!.length > 0) this.#timer ??= this.#wait()
  }

  #wait (): NodeJS.Timeout {
    const turn = this.#turn
    return setTimeout(() => this.#next(turn), patience).unref()
  }
}
