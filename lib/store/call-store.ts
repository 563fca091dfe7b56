import { isThenable } from '../is-thenable.js'

type Answer<Value> = (error: unknown, value?: Value) => void

/**
 * Calls one operation of a store and hears its first answer only. An exception, or a rejected promise
 * from a store whose methods are async functions, counts as the answer, unless one was given before.
 */
export function callStore<Value> (operation: (answer: Answer<Value>) => unknown, callback: Answer<Value>): void {
  let answered = false
  const answer: Answer<Value> = (error, value) => {
    if (answered) return
    answered = true
    callback(error, value)
  }
  try {
    const returned = operation(answer)
    if (isThenable(returned)) returned.then(undefined, fail)
  } catch (error) {
    // What our own callback threw is not the store's answer.
    if (answered) throw error
    fail(error)
  }

  function fail (error: unknown): void {
    answer(error ?? new Error('The session store failed without an error'))
  }
}

/** The same as a promise. */
export function askStore<Value> (operation: (answer: Answer<Value>) => unknown): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    callStore<Value>(operation, (error, value) => error ? reject(error) : resolve(value))
  })
}
