import type { Guard, Topic } from './report.js'

/** A store, and how to reach it. */
export interface StoreUnderTest<Store extends object = object> {
  /** What the report calls it. */
  readonly name: string
  /**
   * Makes the store as an application does at its start: a new one at each call. All of them share their sessions, unless
   * the store keeps them in the process.
   */
  readonly create: () => Store | Promise<Store>
  /** Closes what `create` opened. */
  readonly close?: (store: Store) => unknown
  /**
   * Reads the store's own data, not through its `get`.
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
  /** How many sign-outs race with a write, for each kind. @default 300 */
  readonly trials?: number
  /** How many answers are lost, for each kind. @default 20 */
  readonly lost?: number
  /** The plugin's option of that name, in ms. @default 24 hours */
  readonly storeGrace?: number
  /** What to test. The store's answers are always tested. @default everything */
  readonly only?: ReadonlyArray<Exclude<Topic, 'answers'>>
}

/** What every check receives. */
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
