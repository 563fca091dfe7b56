import type { Guard, Topic } from './report.js'

/** A store, and how to get at it. */
export interface StoreUnderTest<Store extends object = object> {
  /** What the report calls it. */
  readonly name: string
  /**
   * Makes the store as an application does at its start, every time anew. What is written through one is
   * expected to be read through another, unless the store keeps its sessions in the process.
   */
  readonly create: () => Store | Promise<Store>
  /** Lets go of what `create` opened. */
  readonly close?: (store: Store) => unknown
  /**
   * Looks at the store's own data, not through its `get`.
   * @returns when the store forgets that session, epoch ms; null for never; undefined when it does not have it
   */
  readonly expiresAt?: (store: Store, id: string) => number | null | undefined | Promise<number | null | undefined>
  /** Path or URL of a module that exports this `create`, for trials with two processes. */
  readonly module?: string | URL
  /** The server behind the store, to be killed and started again. */
  readonly server?: {
    readonly kill: () => Promise<unknown>
    readonly start: () => Promise<unknown>
  }
}

export interface CheckOptions {
  /** Sign-outs that race with a write, of each kind. @default 300 */
  readonly trials?: number
  /** Answers that are lost, of each kind. @default 20 */
  readonly lost?: number
  /** How long the stored copy outlives its deadline: this plugin's option of that name, ms. @default 24 hours */
  readonly storeGrace?: number
  /** What is tried, beside what the store answers. @default everything */
  readonly only?: ReadonlyArray<Exclude<Topic, 'answers'>>
}

/** What every check is given. */
export interface Scene {
  readonly subject: StoreUnderTest
  readonly options: Required<Omit<CheckOptions, 'only'>>
  /** Opens a store, which is closed when the contract is over; guarded by marks, it has no `replace`. */
  readonly open: (guard?: Guard) => Promise<object>
  /** How ends can be guarded on this store. */
  readonly guards: readonly Guard[]
  /** Whether one store reads what another one wrote. */
  readonly shared: boolean
}
