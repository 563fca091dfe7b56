import { instant, since, type Instant } from '../clock.js'
import type { Answer, Method } from './server.js'

/** Whether an answer was useful: it brought news; it brought none, and asking again soon would not either; or it was no answer. */
export type Usefulness = 'news' | 'no news' | 'none'

/**
 * Calls to the server. However often it is asked to ask: one question at a time, and fewer and fewer where asking
 * brings nothing. No answer is ever the reason for the next question, but for those that the pauses let through.
 */
export interface Questions {
  /** Asks, but not right after the last time. */
  ask (): void
  /** Whether `ask` would ask now. */
  readonly ready: boolean
  /** Asks now, unless failures have made it pause. */
  askNow (): void
  /** Asks now: the user wants to know, or the network is back. */
  insist (): Promise<Answer>
  /** Whatever is on its way is out of date when it comes. */
  forget (): void
  /** Any other call. Answers that were overtaken by those of newer calls are not heard. */
  send (method: Method, body?: { idleFor: number }): Promise<Answer>
  /** Whether the last question failed. */
  readonly failing: boolean
  /** Ms since the last question. */
  readonly quietFor: number
  stop (): void
}

interface Ports {
  call (method: Method, body?: { idleFor: number }): Promise<Answer>
  /** What the next question is. */
  question (): Method
  receive (answer: Answer, method: Method): Usefulness
  /** A question failed. */
  complain (code: number): void
}

const second = 1000
const minute = 60 * second

export function createQuestions ({ call, question, receive, complain }: Ports): Questions {
  // Calls are numbered as they are made; answers up to a number are out of date.
  let newest = 0
  let outdated = 0
  // The number of the question on its way.
  let asking = 0
  let asked: Instant | undefined
  let failures = 0
  let fruitless = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  return {
    ask () {
      if (!timer) wait(pause())
    },
    get ready () { return !asking && !failures && pause() <= 0 },
    askNow: () => wait(0),
    insist () {
      failures = 0
      return go()
    },
    forget,
    send: async (method, body) => (await exchange(method, body)).answer,
    get failing () { return failures > 0 },
    get quietFor () { return quietFor() },
    stop () {
      forget()
      clearTimeout(timer)
    }
  }

  function quietFor (): number {
    return since(asked)
  }

  /** Ms until asking again may bring something new. */
  function pause (): number {
    return Math.min(minute, second * 2 ** fruitless) - quietFor()
  }

  function wait (ms: number): void {
    // After a failure it asks by itself, but for a question that was forgotten.
    if (asking || (failures && timer)) return
    if (ms > 0) timer = setTimeout(go, ms)
    else go()
  }

  async function go (): Promise<Answer> {
    clearTimeout(timer)
    timer = undefined
    asked = instant()
    const number = asking = newest + 1
    const { answer, usefulness } = await exchange(question())
    // Asked anew meanwhile.
    if (asking !== number) return answer
    asking = 0
    failures = usefulness === 'none' ? failures + 1 : 0
    fruitless = usefulness === 'no news' ? fruitless + 1 : 0
    if (failures) {
      timer = setTimeout(go, Math.min(15 * minute, 2 * second * 4 ** (failures - 1)))
      complain(answer.code)
    }
    return answer
  }

  function forget (): void {
    outdated = newest
    asking = 0
  }

  async function exchange (
    method: Method, body?: { idleFor: number }
  ): Promise<{ answer: Answer, usefulness: Usefulness }> {
    const number = ++newest
    const answer = await call(method, body)
    if (number <= outdated) return { answer, usefulness: 'no news' }
    outdated = number
    return { answer, usefulness: receive(answer, method) }
  }
}
