import { isIndependent, type Event } from './conductor.js'

/** What comes of one order. */
export interface Played<Outcome> {
  /** Undefined for an order that was given up. */
  readonly outcome: Outcome | undefined
  /** The ids of what happened, in order. */
  readonly order: readonly string[]
  readonly labels: readonly string[]
}

/** Chooses what happens next; undefined gives the order up. */
export type Choose = (pending: readonly Event[]) => Event | undefined

/** Plays the same scene anew, with another order. */
export type Play<Outcome> = (choose: Choose) => Promise<Played<Outcome>>

/** A moment of an order at which there may have been a choice. */
interface Moment {
  readonly pending: readonly Event[]
  /** What would lead to nothing new here: it was tried before, and nothing since then depends on it. */
  readonly asleep: readonly Event[]
  readonly tried: Event[]
  /** What is to be tried. */
  readonly todo: Event[]
  chosen: Event
}

export interface Search {
  /** Orders that were played to their end. */
  readonly orders: number
  /** Orders that were given up, since they differ from others only in the sequence of independent events. */
  readonly skipped: number
  readonly complete: boolean
}

export interface ExploreOptions {
  /** How many orders at most. */
  readonly most?: number
  /** False plays every order, also those that differ only in the sequence of independent events: to check the reduction. */
  readonly reduced?: boolean
}

/**
 * Plays every order, but of those that differ only in the sequence of independent events one. After each order, it looks
 * for pairs of dependent events that could have come the other way round, and tries that; what was tried
 * sleeps until something happens that depends on it. (Source sets and sleep sets: Abdulla, Aronis, Jonsson and Sagonas,
 * Optimal Dynamic Partial Order Reduction, POPL 2014.)
 */
export async function explore<Outcome> (
  play: Play<Outcome>, see: (played: Played<Outcome>) => void, { most = Infinity, reduced = true }: ExploreOptions = {}
): Promise<Search> {
  const moments: Moment[] = []
  let orders = 0
  let skipped = 0
  for (;;) {
    let depth = 0
    const played = await play(pending => {
      const at = depth++
      const known = moments[at]
      if (known !== undefined) return replay(known, pending)
      const asleep = reduced && at > 0 ? sleepersAfter(moments[at - 1]!) : []
      const chosen = pending.find(event => !isAmong(asleep, event))
      if (chosen !== undefined) moments.push({ pending, asleep, tried: [], todo: reduced ? [chosen] : [...pending], chosen })
      return chosen
    })
    if (played.outcome === undefined) skipped++
    else {
      orders++
      see(played)
    }
    if (reduced) addReversals(moments)
    if (!turnBack(moments)) return { orders, skipped, complete: true }
    if (orders + skipped >= most) return { orders, skipped, complete: false }
  }
}

function replay ({ chosen }: Moment, pending: readonly Event[]): Event {
  const event = pending.find(({ id }) => id === chosen.id)
  if (event === undefined) throw new Error(`Not replayable: ${chosen.label} (${chosen.id}) among ${pending.map(({ label }) => label)}`)
  return event
}

function sleepersAfter ({ asleep, tried, chosen }: Moment): Event[] {
  return [...asleep, ...tried].filter(event => isIndependent(event, chosen))
}

function isAmong (events: readonly Event[], { id }: Event): boolean {
  return events.some(event => event.id === id)
}

/** Finds what could have happened the other way round, and notes where to begin with that. */
function addReversals (moments: readonly Moment[]): void {
  const before = precedence(moments)
  for (let later = 1; later < moments.length; later++) {
    for (let earlier = later - 1; earlier >= 0; earlier--) {
      if (!isReversible(moments, before, earlier, later)) continue
      const others = range(earlier + 1, later).filter(at => !before[earlier]![at])
      others.push(later)
      const firsts = others.filter(at => !others.some(other => other < at && before[other]![at])).map(at => moments[at]!.chosen)
      const { todo, tried } = moments[earlier]!
      if (!firsts.some(event => isAmong(todo, event) || isAmong(tried, event))) todo.push(firsts[0]!)
    }
  }
}

/** Which event had to come before which: those that depend on each other, and those that one has led to. */
function precedence (moments: readonly Moment[]): boolean[][] {
  const before = moments.map(() => moments.map(() => false))
  for (let later = 0; later < moments.length; later++) {
    const { chosen } = moments[later]!
    const cause = causeOf(moments, later)
    for (let earlier = later - 1; earlier >= 0; earlier--) {
      const isDirect = earlier === cause || !isIndependent(moments[earlier]!.chosen, chosen)
      before[earlier]![later] = isDirect || range(earlier + 1, later).some(at => before[earlier]![at]! && before[at]![later]!)
    }
  }
  return before
}

/** The event after which that one was there; -1 where it was there from the beginning. */
function causeOf (moments: readonly Moment[], at: number): number {
  return moments.findIndex(({ pending }) => isAmong(pending, moments[at]!.chosen)) - 1
}

function isReversible (moments: readonly Moment[], before: readonly boolean[][], earlier: number, later: number): boolean {
  if (isIndependent(moments[earlier]!.chosen, moments[later]!.chosen) || causeOf(moments, later) === earlier) return false
  return !range(earlier + 1, later).some(at => before[earlier]![at] && before[at]![later])
}

function range (from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
}

/** Goes back to the last moment at which something else is to be tried. */
function turnBack (moments: Moment[]): boolean {
  for (;;) {
    const last = moments.at(-1)
    if (last === undefined) return false
    last.tried.push(last.chosen)
    const next = last.todo.find(event => !isAmong(last.tried, event) && !isAmong(last.asleep, event))
    if (next !== undefined) {
      last.chosen = next
      return true
    }
    moments.pop()
  }
}

/** Plays an order by chance, which is the same for the same generator. */
export function wander<Outcome> (play: Play<Outcome>, random: () => number): Promise<Played<Outcome>> {
  return play(pending => pending[Math.floor(random() * pending.length)])
}

/** Plays the order with these ids; where they end, or do not fit, the first event comes next. */
export function follow<Outcome> (play: Play<Outcome>, order: readonly string[]): Promise<Played<Outcome>> {
  let depth = 0
  return play(pending => {
    const id = order[depth++]
    return pending.find(event => event.id === id) ?? pending[0]
  })
}
