import t from 'tap'
import { checkEveryOrder, checkFaults, pairsIn } from './pairs.js'

for (const replace of [false, true]) {
  const store = replace ? 'a store with replace' : 'marks'
  t.test(`two requests in one process, with ${store}, in every order`, t => checkEveryOrder(t, { processes: 1, replace }, pairsIn(1), 4))
  t.test(`two requests in one process, with ${store}, and one operation that goes wrong`, t => checkFaults(t, { processes: 1, replace }, pairsIn(1), 30))
}
