import t from 'tap'
import { endAll, endAllOthers, endById, extension, otherSignIn, renewal, restart, save, savingVisit, signIn, signOut, timeout, touch, type Deed } from './deeds.js'
import { checkEveryOrder, checkFaults, partsOf } from './pairs.js'
import type { Part } from './scene.js'

/**
 * Not among them, and a known limit: two at once in two processes, of which one excepts a session. The later write wins.
 */
const others: ReadonlyArray<[Deed, readonly Deed[]]> = [
  [endAll, [save, savingVisit, touch, restart, extension, renewal, signIn, otherSignIn, signOut, endById, timeout]],
  [endAllOthers, [save, touch, restart, extension, renewal]]
]

/** In two processes, of which only the first knows the session already. */
function pairsIn (processes: 1 | 2): Part[][] {
  const pairs = others.flatMap(([deed, besides]) => besides.flatMap(other => processes === 1 ? [[deed, other]] : [[deed, other], [other, deed]]))
  return pairs.map(pair => partsOf(pair, processes))
}

for (const processes of [1, 2] as const) {
  const where = processes === 1 ? 'one process' : 'two processes'
  for (const replace of [false, true]) {
    const store = replace ? 'a store with replace' : 'marks'
    t.test(`a sign-out everywhere and another request in ${where}, with ${store}, in every order`, t =>
      checkEveryOrder(t, { processes, replace }, pairsIn(processes), processes === 1 ? 4 : 6))
    t.test(`a sign-out everywhere and another request in ${where}, with ${store}, and one operation that goes wrong`, t =>
      checkFaults(t, { processes, replace }, pairsIn(processes), 20))
  }
}
