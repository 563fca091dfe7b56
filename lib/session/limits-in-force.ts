import { stricter, type Limits } from '../policy.js'

export const noLimits: Limits = Object.freeze({ idle: false, absolute: false })

/**
 * The strictest limits of many connections. Connections of one session have few different limits, so that one more, or
 * one less, costs the same however many there are: thousands of them close together.
 */
export class LimitsInForce {
  readonly #counts = new Map<string, { readonly limits: Limits, count: number }>()
  #strictest = noLimits

  get strictest (): Limits {
    return this.#strictest
  }

  add (limits: Limits): void {
    const key = keyOf(limits)
    const counted = this.#counts.get(key)
    if (counted !== undefined) counted.count++
    else {
      this.#counts.set(key, { limits, count: 1 })
      this.#strictest = stricter(this.#strictest, limits)
    }
  }

  remove (limits: Limits): void {
    const key = keyOf(limits)
    const counted = this.#counts.get(key)
    if (counted === undefined || --counted.count > 0) return
    this.#counts.delete(key)
    this.#strictest = Array.from(this.#counts.values(), ({ limits }) => limits).reduce(stricter, noLimits)
  }
}

function keyOf ({ idle, absolute }: Limits): string {
  return `${idle} ${absolute}`
}
