import { instant, since, type Instant } from '../clock.js'
import type { createDisplay, Display } from './display.js'

/** @param attempt from 0 */
export type LoadDisplay = (attempt: number) => Promise<{ createDisplay: typeof createDisplay }>

// Where it cannot be had, it is not asked for at every second of a countdown.
const pause = 10_000

/** A display that is loaded as soon as a session is known, long before there is anything to show. */
export function createLoading (load: LoadDisplay, surroundings: Parameters<typeof createDisplay>[0]): Display {
  let display: Display | undefined
  let wanted: Parameters<Display['show']> | undefined
  let tried: Instant | undefined
  let attempts = 0

  return {
    show (...wish) {
      wanted = wish
      if (display) display.show(...wish)
      else if (wish[0].stage !== 'unknown' && (!tried || since(tried) > pause)) get()
    },
    stop () {
      wanted = undefined
      display?.stop()
    }
  }

  async function get (): Promise<void> {
    tried = instant()
    try {
      const { createDisplay } = await load(attempts++)
      if (display || !wanted) return
      display = createDisplay(surroundings)
      display.show(...wanted)
    } catch {
      // Once more, then, when there is something else to show.
    }
  }
}
