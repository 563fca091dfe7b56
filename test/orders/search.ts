import { explore, wander, type ExploreOptions, type Played, type Search } from './explore.js'
import type { Outcome, Scene } from './scene.js'

/** What does not hold, and the first order in which it was seen. */
export interface Wrong {
  readonly what: string
  count: number
  readonly order: readonly string[]
  readonly labels: readonly string[]
}

export interface Report extends Search {
  readonly wrongs: readonly Wrong[]
  /** In how many orders the fault hit an operation. */
  readonly hits: number
}

/** Every order of a scene. */
export async function searchAll (scene: Scene, options: ExploreOptions = {}): Promise<Report> {
  const { see, report } = createNotes()
  const search = await explore<Outcome>(choose => scene.play(choose), see, options)
  return { ...search, ...report() }
}

/** As many orders of a scene, by chance. */
export async function searchSome (scene: Scene, random: () => number, orders: number): Promise<Report> {
  const { see, report } = createNotes()
  for (let order = 0; order < orders; order++) see(await wander<Outcome>(choose => scene.play(choose), random))
  return { orders, skipped: 0, complete: false, ...report() }
}

function createNotes () {
  const wrongs = new Map<string, Wrong>()
  let hits = 0
  return {
    see ({ outcome, order, labels }: Played<Outcome>) {
      if (outcome!.faultHit) hits++
      for (const what of outcome!.wrongs) {
        const wrong = wrongs.get(what) ?? { what, count: 0, order, labels }
        wrong.count++
        wrongs.set(what, wrong)
      }
    },
    report: () => ({ wrongs: [...wrongs.values()], hits })
  }
}

/** For people: what went wrong, in how many orders, and the choices that lead there. */
export function describe (scene: Scene, { orders, wrongs }: Report): string[] {
  return wrongs.map(({ what, count, order, labels }) =>
    `${scene.title}: ${what} (in ${count} of ${orders} orders)\n  ORDER="${order.join(' ')}"\n  ${labels.join('\n  ')}`)
}
