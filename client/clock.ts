/** A moment, by both clocks: performance.now(), Date.now(). */
export type Instant = readonly [steady: number, wall: number]

export function instant (ago = 0): Instant {
  return [performance.now() - ago, Date.now() - ago]
}

/** Ms since then. Sleep may stop the one clock, and the user may set the other: whichever has gone further. */
export function since ([steady, wall]: Instant): number {
  return Math.max(performance.now() - steady, Date.now() - wall)
}
