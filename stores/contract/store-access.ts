import type { Session } from 'fastify'

type Answer = (error?: unknown, value?: unknown) => void
export type Operation = 'get' | 'set' | 'destroy' | 'replace'

interface AnyStore {
  get (id: string, callback: Answer): unknown
  set (id: string, session: object, callback: Answer): unknown
  destroy (id: string, callback: Answer): unknown
  replace? (id: string, session: object, callback: Answer): unknown
}

/** One call of a store, and what came of it. */
export interface Call {
  readonly operation: Operation
  readonly id: string
  readonly session: Session | undefined
  error?: unknown
}

/** Steps in when a store is called; `go` lets the call through. */
export type Hold = (call: Call, go: (answer?: Answer) => void, answer: Answer) => void

/** What a store is asked. */
export interface Watched {
  readonly calls: Call[]
  /** Undefined lets every call through. */
  hold: Hold | undefined
  counts (): Record<Operation, number>
  reset (): void
}

const operations: readonly Operation[] = ['get', 'set', 'destroy', 'replace']

/** Watches on the store itself: another object in its place might be taken for another kind of store. */
export function watch (store: object): Watched {
  const watched: Watched = {
    calls: [],
    hold: undefined,
    counts () {
      const counts = { get: 0, set: 0, destroy: 0, replace: 0 }
      for (const { operation } of watched.calls) counts[operation]++
      return counts
    },
    reset: () => { watched.calls.length = 0 }
  }
  for (const operation of operations) {
    const original = (store as unknown as Record<string, unknown>)[operation]
    if (typeof original !== 'function') continue
    Object.assign(store, {
      [operation] (id: string, ...rest: unknown[]): unknown {
        const answer = rest.at(-1) as Answer
        const call: Call = { operation, id, session: rest.length > 1 ? rest[0] as Session : undefined }
        watched.calls.push(call)
        const go = (answer: Answer = () => {}): unknown => {
          return original.call(store, id, ...rest.slice(0, -1), (error?: unknown, value?: unknown) => {
            if (error) call.error = error
            answer(error, value)
          })
        }
        if (watched.hold === undefined) return go(answer)
        watched.hold(call, answer => { silence(go(answer)) }, answer)
      }
    })
  }
  return watched
}

/** Counts how often the callback of each call is called. */
export function countAnswers (store: object): { twice (): Operation | undefined } {
  const counts: Array<{ operation: Operation, answers: number }> = []
  for (const operation of operations) {
    const original = (store as Record<string, unknown>)[operation]
    if (typeof original !== 'function') continue
    Object.assign(store, {
      [operation]: (...values: unknown[]): unknown => {
        const count = { operation, answers: 0 }
        counts.push(count)
        const answer = values.at(-1) as Answer
        return original.call(store, ...values.slice(0, -1), (...answers: Parameters<Answer>) => {
          count.answers++
          answer(...answers)
        })
      }
    })
  }
  return { twice: () => counts.find(({ answers }) => answers > 1)?.operation }
}

/**
 * Some stores reject a promise beside calling back with the error, and @fastify/session alone does not look at it:
 * the process would end.
 */
export function silenceRejections (store: object): void {
  for (const operation of operations) {
    const original = (store as Record<string, unknown>)[operation]
    if (typeof original !== 'function') continue
    Object.assign(store, { [operation]: (...values: unknown[]): void => { silence(original.apply(store, values)) } })
  }
}

function silence (returned: unknown): void {
  if (returned instanceof Promise) returned.catch(() => {})
}

/** As @fastify/session reads it: null where there is none. */
export async function read (store: object, id: string): Promise<object | null> {
  try {
    return await call<object>('get', answer => (store as AnyStore).get(id, answer)) ?? null
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null
    throw error
  }
}

/** Whether nothing can come between a call and its answer. */
export function answersAtOnce (store: object): boolean {
  let answered = false
  const returned = (store as AnyStore).get('B'.repeat(32), () => { answered = true })
  silence(returned)
  return answered
}

export async function write (store: object, id: string, session: object): Promise<void> {
  await call('set', answer => (store as AnyStore).set(id, session, answer))
}

export async function remove (store: object, id: string): Promise<void> {
  await call('destroy', answer => (store as AnyStore).destroy(id, answer))
}

export async function replace (store: object, id: string, session: object): Promise<boolean> {
  return await call<boolean>('replace', answer => (store as AnyStore).replace!(id, session, answer)) ?? false
}

/** A session as the host hands it over. */
export function sessionFor (life: number, note = 'old'): object {
  const expires = new Date(Date.now() + life)
  return { cookie: { originalMaxAge: life, maxAge: life, expires, httpOnly: true, path: '/' }, note }
}

export function canReplace (store: object): boolean {
  return typeof (store as AnyStore).replace === 'function'
}

/** How long a store may take for one answer, ms. */
const patience = 5000

/** How long after its promise a callback may still be called, ms. */
const grace = 500

/** A store that does not call back. The message says how. */
export class NoAnswer extends Error {}

/** @throws what the store answers; {@link NoAnswer} when its callback is not called */
async function call<Value> (name: Operation, operation: (answer: Answer) => unknown): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<Value | undefined>((resolve, reject) => {
      const giveUp = (after: number, why: string): void => {
        clearTimeout(timer)
        timer = setTimeout(() => reject(new NoAnswer(`${name} ${why}`)), after)
      }
      const answer: Answer = (error, value) => error ? reject(error) : resolve(value as Value | undefined)
      giveUp(patience, `does not call its callback within ${patience / 1000} s`)
      const returned = operation(answer)
      const who = name === 'replace' ? 'this plugin' : '@fastify/session'
      if (returned instanceof Promise) {
        returned.then(() => giveUp(grace, `returns a promise and does not call its callback: ${who} waits for the callback`), reject)
      }
    })
  } finally {
    clearTimeout(timer)
  }
}
