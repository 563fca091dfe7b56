import type { Test } from 'tap'
import { random } from '../helpers/stores.js'
import { faultKinds } from './conductor.js'
import { deeds, timeout, type Deed } from './deeds.js'
import { follow } from './explore.js'
import { Scene, type Outcome, type Part, type SceneOptions } from './scene.js'
import { describe, searchAll, searchSome, type Report } from './search.js'
import { fakeTime, openWorld, type World, type WorldOptions } from './world.js'

/**
 * `ORDERS=all`, for the night and before a release, plays every order, or thousands of a scene that has too many, and
 * each fault at each place.
 */
export const isWhole = process.env.ORDERS === 'all'

/** No request does as many. */
const mostOperations = 16

/** Two renewals in one process, whose memory all answers change, have some hundred thousand orders. */
const ordersOfAScene = 5000

/** Of each operation that can go wrong, in each way, in each scene: all of them would take hours. */
const ordersOfAFault = 20

/** Every two requests: in one process, or in two, of which only the first knows the session already. */
export function pairsIn (processes: 1 | 2): Part[][] {
  return deeds.flatMap((one, at) => (processes === 1 ? deeds.slice(at) : deeds).map(other => partsOf([one, other], processes)))
}

export function partsOf (all: readonly Deed[], processes: 1 | 2): Part[] {
  return all.map((deed, at) => ({ deed, process: at % processes }))
}

/** With the time in play, and in one process, whose memory all answers change, an operation is one moment: else orders are too many. */
export function optionsFor (parts: readonly Part[], processes: 1 | 2): SceneOptions {
  return { joined: processes === 1 || parts.some(({ deed }) => deed === timeout) }
}

/** @param most orders of one scene; for those that have more, as many by chance are played besides */
export async function checkEveryOrder (t: Test, options: WorldOptions, scenes: readonly Part[][], most: number): Promise<void> {
  const world = await openWorld(t, fakeTime(t), options)
  const wrongs: string[] = []
  let orders = 0
  let incomplete = 0
  for (const parts of scenes) {
    const scene = new Scene(world, parts, optionsFor(parts, options.processes))
    const atMost = isWhole ? ordersOfAScene : most
    const report = await searchAll(scene, { most: atMost })
    const rest = report.complete ? undefined : await searchSome(scene, random(orders), atMost / 2)
    orders += report.orders + (rest?.orders ?? 0)
    if (!report.complete) incomplete++
    t.comment(`${scene.title}: ${report.orders} orders${report.complete ? ', complete' : `, not complete, and ${rest!.orders} by chance`}`)
    wrongs.push(...describe(scene, report), ...rest ? describe(scene, rest) : [])
  }
  t.comment(`${scenes.length} scenes, ${orders} orders, ${incomplete === 0 ? 'the search is complete' : `${incomplete} scenes not completely`}`)
  t.same(wrongs, [], 'everything holds in every order')
}

/** With one operation going wrong, at each place and in each way; by chance, and the same in every run. */
export async function checkFaults (t: Test, options: WorldOptions, scenes: readonly Part[][], orders: number): Promise<void> {
  const world = await openWorld(t, fakeTime(t), options)
  const wrongs = new Map<string, string>()
  let hits = 0
  let played = 0
  const note = (scene: Scene, report: Report): void => {
    hits += report.hits
    played += report.orders
    for (const line of describe(scene, report)) {
      const what = line.split('\n')[0]!.replace(/ \(in .*/, '')
      if (!wrongs.has(what)) wrongs.set(what, line)
    }
  }
  if (isWhole) {
    for (const parts of scenes) {
      for (const [request, kind] of parts.flatMap((_, request) => faultKinds.map(kind => [request, kind] as const))) {
        // Up to the one that the request never comes to.
        for (let operation = 0, before = -1; before !== hits; operation++) {
          before = hits
          const scene = new Scene(world, parts, { ...optionsFor(parts, options.processes), fault: { request, operation, kind } })
          note(scene, await searchAll(scene, { most: ordersOfAFault }))
        }
      }
    }
  } else {
    const next = random(18)
    for (let order = 0; order < orders; order++) {
      const parts = pick(scenes, next)
      const fault = { request: pick([...parts.keys()], next), operation: Math.floor(next() * mostOperations), kind: pick(faultKinds, next) }
      const scene = new Scene(world, parts, { ...optionsFor(parts, options.processes), fault })
      note(scene, await searchSome(scene, next, 1))
    }
  }
  t.comment(`${played} orders, in ${hits} of them a fault, ${isWhole ? 'at every place' : 'by chance'}`)
  t.same([...wrongs.values()], [], 'everything holds, whatever goes wrong')
}

function pick<Value> (from: readonly Value[], next: () => number): Value {
  return from[Math.floor(next() * from.length)]!
}

/** The order that a failed search has printed, once more. */
export async function playAgain (world: World, parts: readonly Part[], options: SceneOptions, order: string): Promise<Outcome> {
  const scene = new Scene(world, parts, options)
  const { outcome } = await follow<Outcome>(choose => scene.play(choose), order.split(' '))
  return outcome!
}
