import { second } from '../clock.js'
import { storeFault } from '../errors.js'
import { isThenable } from '../is-thenable.js'

type Answer<Value> = (error: unknown, value?: Value) => void

/**
 * How long a store may take for one answer. An operation whose answer is lost would keep its request, and all others
 * that wait for it, for ever.
 */
export const storeTimeout = 10 * second

/**
 * Calls one operation of a store. Its first answer counts: a callback, an exception, or a rejected promise from a store
 * whose methods are async functions. It always settles.
 * @throws the store's error, without what its driver adds to it; or that it has not answered within {@link storeTimeout}
 */
export function callStore<Value> (operation: (answer: Answer<Value>) => unknown): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    let answered = false
    const answer: Answer<Value> = (error, value) => {
      if (answered) return
      answered = true
      clearTimeout(timer)
      if (error) reject(storeFault(error))
      else resolve(value)
    }
    try {
      const returned = operation(answer)
      if (isThenable(returned)) returned.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
    // Most stores in memory have answered by now.
    if (!answered) timer = setTimeout(() => fail(new Error('The session store did not answer in time')), storeTimeout).unref()

    function fail (error: unknown): void {
      answer(error ?? new Error('The session store failed without an error'))
    }
  })
}
