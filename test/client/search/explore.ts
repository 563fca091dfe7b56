import FakeTimers from '@sinonjs/fake-timers'
import { openWorld, type RunSession, type Start } from './world.js'

export interface Found {
  /** What does not hold, with the first way to it. */
  readonly wrongs: ReadonlyMap<string, string>
  readonly ways: number
  readonly states: number
}

export interface Extent {
  /** How many deeds follow on each other. */
  readonly depth: number
  /** From the state after so many deeds, one that looks like another one is not gone on from. */
  readonly mergeFrom: number
  /** To look for one thing only, and stop there. */
  readonly sees?: RegExp
}

/**
 * Every sequence of what can happen to two pages, shorter ones first. A page cannot be copied with what its closures
 * know, so each sequence is played from the start.
 */
export async function explore (run: RunSession, pages: readonly Start[], { depth, mergeFrom, sees }: Extent): Promise<Found> {
  const wrongs = new Map<string, string>()
  const seen = new Set<string>()
  let ways = 0
  let front: string[][] = [[]]
  for (let length = 0; length <= depth && front.length > 0; length++) {
    const next: string[][] = []
    for (const way of front) {
      ways++
      const { state, deeds, found } = await play(run, pages, way)
      for (const wrong of found) if (!wrongs.has(wrong)) wrongs.set(wrong, way.join(', '))
      if (sees && [...wrongs.keys()].some(wrong => sees.test(wrong))) return { wrongs, ways, states: seen.size }
      const known = seen.has(state)
      seen.add(state)
      if (!known || length < mergeFrom) for (const deed of deeds) next.push([...way, deed])
    }
    front = next
  }
  return { wrongs, ways, states: seen.size }
}

interface Played {
  readonly state: string
  readonly deeds: string[]
  readonly found: ReadonlySet<string>
}

async function play (run: RunSession, pages: readonly Start[], way: readonly string[]): Promise<Played> {
  const clock = FakeTimers.install({ now: Date.UTC(2026, 0, 1), toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  try {
    const world = await openWorld(clock, run, pages)
    for (const deed of way) await world.happen(deed)
    const state = world.look()
    const deeds = world.deeds()
    await world.settle()
    return { state, deeds, found: world.wrongs }
  } finally {
    clock.uninstall()
  }
}
