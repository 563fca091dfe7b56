import { minute } from '../clock.js'

/**
 * Sessions that may come back although they are over: a write whose answer was lost may still land, and an end whose
 * mark could not be written is seen by no other process.
 */
export interface Doubts {
  add (id: string): void
  /** There is none any more: the session was written anew, and that is known. */
  remove (id: string): void
}

/** How many are looked after at once: bounded memory, whatever happens to a store. */
const capacity = 10_000

const firstPause = 100
/** No end that such a write could undo is marked for longer. */
const longestPause = minute

/** @param look looks whether the session was ended, and if so ends it again; it never rejects */
export function createDoubts (look: (id: string) => Promise<void>): Doubts {
  const doubtful = new Map<string, { pause: number }>()
  return {
    add (id) {
      const known = doubtful.get(id)
      if (known) known.pause = firstPause
      else if (doubtful.size < capacity) {
        const doubt = { pause: firstPause }
        doubtful.set(id, doubt)
        waitAndLook(id, doubt)
      }
    },
    remove (id) {
      doubtful.delete(id)
    }
  }

  /** Each pause is twice the one before: in ten looks, soon after as well as after a minute. */
  function waitAndLook (id: string, doubt: { pause: number }): void {
    setTimeout(async () => {
      if (doubtful.get(id) === doubt) await look(id)
      if (doubtful.get(id) !== doubt) return
      doubt.pause *= 2
      if (doubt.pause <= longestPause) waitAndLook(id, doubt)
      else doubtful.delete(id)
    }, doubt.pause).unref()
  }
}
