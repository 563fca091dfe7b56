import t from 'tap'
import { checkEveryOrder, checkFaults, pairsIn } from './pairs.js'

for (const replace of [false, true]) {
  const store = replace ? 'a store with replace' : 'marks'
  t.test(`two requests in two processes, with ${store}, in every order`, t => checkEveryOrder(t, { processes: 2, replace }, pairsIn(2), 4))
  t.test(`two requests in two processes, with ${store}, and one operation that goes wrong`, t => checkFaults(t, { processes: 2, replace }, pairsIn(2), 30))
}
