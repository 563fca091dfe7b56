import { minute, now } from '../clock.js'

/** How many entries are remembered: bounded memory, whatever the load. The store's own clean-up does the rest. */
const capacity = 10_000

/** Removes entries whose time is over, for stores without a clean-up of their own. */
export interface Sweeper {
  /** An entry that was written, and when it may go, epoch ms. */
  note (entry: string, expiresAt: number): void
  /** An entry that was removed. */
  forget (entry: string): void
}

/** @param remove removes an entry unless another process has prolonged it; it never rejects */
export function createSweeper (remove: (entry: string) => Promise<void>): Sweeper {
  const kept = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  return {
    note (entry, expiresAt) {
      if (kept.size >= capacity && !kept.has(entry)) return
      kept.set(entry, expiresAt)
      timer ??= setTimeout(sweep, minute).unref()
    },
    forget (entry) {
      kept.delete(entry)
    }
  }

  function sweep (): void {
    const at = now()
    for (const [entry, expiresAt] of kept) {
      if (expiresAt > at) continue
      kept.delete(entry)
      remove(entry)
    }
    timer = kept.size > 0 ? setTimeout(sweep, minute).unref() : undefined
  }
}
