/** A moment, by both clocks: performance.now(), Date.now(). */
export type Instant = readonly [steady: number, wall: number]

export function instant (ago = 0): Instant {
  return [performance.now() - ago, Date.now() - ago]
}

/** Ms since then; Infinity since never. Sleep may stop the one clock, and the user may set the other: whichever has gone further. */
export function since (then: Instant | undefined): number {
  return Math.max(...elapsed(then))
}

/** By how many ms the clocks have gone apart since then: sleep may stop the one and not the other. */
export function drift (then: Instant): number {
  const [steady, wall] = elapsed(then)
  return Math.abs(steady - wall)
}

function elapsed ([steady, wall]: Instant = [-Infinity, -Infinity]): Instant {
  return [performance.now() - steady, Date.now() - wall]
}
