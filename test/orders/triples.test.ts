import t from 'tap'
import { endById, extension, otherSave, renewal, restart, save, savingVisit, signIn, signOut, timeout, touch } from './deeds.js'
import { checkEveryOrder, partsOf } from './pairs.js'

/**
 * Not among them, and a known limit: two renewals of one session in two processes together with a sign-out may leave
 * one of the successors.
 */
const triples = [
  [save, touch, signOut],
  [save, touch, restart],
  [save, otherSave, restart],
  [savingVisit, restart, touch],
  [renewal, signOut, touch],
  [renewal, save, endById],
  [renewal, touch, extension],
  [signIn, save, touch],
  [signOut, endById, save],
  [timeout, touch, save],
  [timeout, signOut, save]
]

for (const replace of [false, true]) {
  for (const processes of [1, 2] as const) {
    t.test(`three requests in ${processes === 1 ? 'one process' : 'two processes'}, with ${replace ? 'a store with replace' : 'marks'}`, t =>
      checkEveryOrder(t, { processes, replace }, triples.map(triple => partsOf(triple, processes)), 5))
  }
}
