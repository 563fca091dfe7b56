import type { Operation } from './store-access.js'

export type Topic = 'answers' | 'expiry' | 'ids' | 'replace' | 'races' | 'faults' | 'costs'

/** What prevents an ended session from coming back. */
export type Guard = 'marks' | 'replace'

/** One test. */
export interface Finding {
  readonly topic: Topic
  /** Null: not tested; `says` has the reason. */
  readonly holds: boolean | null
  /** The result, as a sentence. */
  readonly says: string
}

export function finding (topic: Topic, holds: boolean | null, says: string): Finding {
  return { topic, holds, says }
}

/** How often each operation of the store is called. */
export type Cost = Readonly<Record<Operation, number>>

/** What the requests of a signed-in user cost. */
export interface Costs {
  readonly signIn: Cost
  readonly passive: Cost
  readonly touch: Cost
  readonly save: Cost
  readonly signOut: Cost
}

/** Sign-outs in one process while another request writes the session. */
export interface Race {
  /** `'none'`: the application without this plugin. */
  readonly guard: Guard | 'none'
  readonly processes: 1 | 2
  readonly trials: number
  /** How many sessions existed again after their sign-out. */
  readonly back: number
  /** How many trials could not run, because the store failed. */
  readonly failed: number
}

export interface StoreReport {
  readonly name: string
  readonly findings: readonly Finding[]
  readonly races: readonly Race[]
  readonly costs: Readonly<Partial<Record<Guard, Costs>>>
  /** Whether all tests passed. */
  readonly holds: boolean
  /** The report as text. */
  toString (): string
}

const topics: Readonly<Record<Topic, string>> = {
  answers: 'What the store answers',
  expiry: 'When stored sessions expire',
  ids: 'Session ids, and marks of ended sessions',
  replace: 'replace',
  races: 'Sign-outs while the session is written',
  faults: 'Faults',
  costs: 'What a request asks of the store'
}

const requests: Readonly<Record<keyof Costs, string>> = {
  signIn: 'sign-in',
  passive: 'no touch due',
  touch: 'touch',
  save: 'save',
  signOut: 'sign-out'
}

const signs = new Map([[true, '✓'], [false, '✗'], [null, '-']])

export function createReport ({ name, findings, races, costs }: Omit<StoreReport, 'holds' | 'toString'>): StoreReport {
  return {
    name,
    findings,
    races,
    costs,
    holds: findings.every(({ holds }) => holds !== false),
    toString () {
      const lines = [name]
      for (const [topic, title] of Object.entries(topics)) {
        const own = findings.filter(finding => finding.topic === topic)
        if (own.length > 0) lines.push('', title, ...own.map(({ holds, says }) => `  ${signs.get(holds)} ${says}`))
      }
      if (Object.keys(costs).length > 0) lines.push('', topics.costs)
      for (const [guard, costsOf] of Object.entries(costs)) {
        for (const [name, cost] of Object.entries(costsOf)) {
          lines.push(`  ${requests[name as keyof Costs]}, with ${guard}: ${costOf(cost)}`)
        }
      }
      return `${lines.join('\n')}\n`
    }
  }
}

/** `1 get, 2 set` */
export function costOf (cost: Cost): string {
  const asked = Object.entries(cost).filter(([, count]) => count > 0)
  return asked.map(([name, count]) => `${count} ${name}`).join(', ') || 'nothing'
}
