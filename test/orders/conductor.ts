import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Something that is about to happen: an operation takes effect in the store, its answer arrives in a process, or
 * a request begins. Which of them happens next is what an order chooses.
 */
export interface Event {
  /** The same in every run that has chosen the same so far: whose it is, the how-many-eth of that request, what of it. */
  readonly id: string
  /** For people. */
  readonly label: string
  /** In the memory of which process something changes; undefined where in none. */
  readonly process: number | undefined
  /** What is read or written in the store; undefined where nothing is. */
  readonly key: string | undefined
  readonly writes: boolean
  /** Changes something that everybody sees, such as the time. */
  readonly global?: boolean
  /** May happen long after all requests were answered. */
  readonly late?: boolean
  fire (): void
}

/** What a store does once, instead of what it was asked for. */
export type FaultKind =
  /** an error, and no effect */
  | 'refused'
  /** the effect, then an error */
  | 'lost'
  /** an error now, the effect at any time later */
  | 'late'
  /** the effect, and never an answer */
  | 'silent'

export const faultKinds: readonly FaultKind[] = ['refused', 'lost', 'late', 'silent']

export interface Fault {
  /** Which of the concurrent requests it hits, and which of its operations. */
  readonly request: number
  readonly operation: number
  readonly kind: FaultKind
}

interface Turn {
  readonly run: object
  readonly request: number
  operations: number
  /** Whether it has asked a store. */
  hasAsked: boolean
}

export interface Operation<Value> {
  readonly process: number
  readonly name: string
  readonly key: string
  readonly writes: boolean
  effect (): Value
  answer (error: unknown, value?: Value): void
}

/**
 * Lets the operations of concurrent requests happen one by one. What belongs to none of them - the requests before and
 * after, timers - happens at once.
 */
export class Conductor {
  /** What can happen next. */
  pending: Event[] = []
  /** Whether the effect of an operation and its answer are one moment: fewer orders. */
  joined = false
  fault: Fault | undefined
  /** Whether the fault has hit an operation. */
  faultHit = false
  readonly #turns = new AsyncLocalStorage<Turn>()
  #run: object | undefined

  begin (): void {
    this.pending = []
    this.faultHit = false
    this.#run = {}
  }

  end (): void {
    this.#run = undefined
  }

  /** Everything that this function does, now and later, belongs to that request. */
  act<Result> (request: number, run: () => Promise<Result>): Promise<Result> {
    return this.#turns.run({ run: this.#run!, request, operations: 0, hasAsked: false }, run)
  }

  /** Which request is running; undefined outside of them. */
  get request (): number | undefined {
    return this.#turn?.request
  }

  /** Something that a request does which is no operation of a store. */
  step (label: string, process: number | undefined, { global = false } = {}): Promise<void> {
    const turn = this.#turn!
    const id = `${turn.request}.${turn.operations++}`
    return new Promise(resolve => {
      this.pending.push({ id, label: `${turn.request} ${label}`, process, key: undefined, writes: false, global, fire: resolve })
    })
  }

  operation<Value> ({ process, name, key, writes, effect, answer }: Operation<Value>): void {
    const turn = this.#turn
    if (turn === undefined) {
      const value = effect()
      globalThis.process.nextTick(answer, null, value)
      return
    }
    const { request } = turn
    const number = turn.operations++
    const id = `${request}.${number}`
    const label = `${request} ${name}`
    // What a request asks first is the host's own question, which waits for ever.
    const isHost = !turn.hasAsked && this.fault?.kind === 'silent'
    turn.hasAsked = true
    const isHit = this.fault?.request === request && this.fault.operation === number && !isHost
    if (isHit) this.faultHit = true
    const fault = isHit ? this.fault!.kind : undefined
    const answerIs = (text: string, error: unknown, value?: Value) => ({
      id: `${id}a`, label: `${label}: ${text}`, process, key: undefined, writes: false, fire: () => reply(error, value)
    })
    // What follows from an answer belongs to the request, too.
    const reply = (error: unknown, value?: Value): void => this.#turns.run(turn, answer, error, value)
    const effectIs = { id, label, process: undefined, key, writes }
    if (fault === 'refused') this.pending.push(answerIs('refused', new Error('refused')))
    else if (fault === 'late') {
      this.pending.push({ ...effectIs, late: true, label: `${label} happens late`, fire: effect })
      this.pending.push(answerIs('error', new Error('no answer')))
    } else if (fault === 'silent') this.pending.push({ ...effectIs, label: `${label}, never answered`, fire: effect })
    else if (fault === 'lost') {
      this.pending.push({ ...effectIs, fire: () => { effect(); this.pending.push(answerIs('answer lost', new Error('no answer'))) } })
    } else if (this.joined) this.pending.push({ ...effectIs, process, fire: () => reply(null, effect()) })
    else {
      this.pending.push({ ...effectIs, fire: () => { const value = effect(); this.pending.push(answerIs('answered', null, value)) } })
    }
  }

  get #turn (): Turn | undefined {
    const turn = this.#turns.getStore()
    return turn !== undefined && turn.run === this.#run ? turn : undefined
  }
}

/**
 * Whether two events that can both happen next lead to the same, whichever comes first. Two operations of the store do
 * unless one writes what the other reads or writes; two answers do unless they reach one process, whose memory they share.
 */
export function isIndependent (one: Event, other: Event): boolean {
  if (one.global || other.global) return false
  if (one.key !== undefined && one.key === other.key && (one.writes || other.writes)) return false
  return one.process === undefined || one.process !== other.process
}
