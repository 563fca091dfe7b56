import type { Session } from 'fastify'
import type { SessionStoreWithReplace } from '../types/index.js'

/**
 * Adds `replace` to a store, and returns the same store.
 *
 * @param replace overwrites the session only if the store still has it, in one atomic step. It resolves to whether the
 * store had it. It sets the same expiry as the store's own `set`: see {@link expiryOf}, which may return undefined
 *
 * @example
 * withReplace(store, async (id, session) => {
 *   // A session without an expiry gets the lifetime that the store's own `set` gives it.
 *   const expires = new Date(expiryOf(session) ?? Date.now() + 86_400_000)
 *   const text = 'UPDATE sessions SET data = $1, expires = $2 WHERE id = $3 AND expires > now()'
 *   const { rowCount } = await pool.query(text, [JSON.stringify(session), expires, id])
 *   return rowCount === 1
 * })
 */
export function withReplace<Store extends object> (
  store: Store, replace: (id: string, session: Session) => boolean | Promise<boolean>
): Store & SessionStoreWithReplace {
  return Object.assign(store, {
    replace (id: string, session: Session, callback: (error: unknown, replaced?: boolean) => void): void {
      // On the next tick: what the callback throws is no answer of the store, and must not end in a promise.
      ask(id, session).then(
        replaced => process.nextTick(callback, null, replaced),
        error => process.nextTick(callback, error ?? new Error('The session store failed without an error'))
      )
    }
  }) as Store & SessionStoreWithReplace

  async function ask (id: string, session: Session): Promise<boolean> {
    return await replace(id, session)
  }
}

/** When the store may forget a session, epoch ms; undefined if the session has no expiry. */
export function expiryOf (session: Session): number | undefined {
  // A string in what a store gave back.
  const expires = session.cookie.expires as Date | string | null | undefined
  return expires ? new Date(expires).getTime() : undefined
}

/** A kind of store that a wrapper knows. */
export interface KnownStore {
  /** The package that it comes from. */
  readonly name: string
  /** The wrapper, for messages. */
  readonly wrapper: string
  /** What it has beside `get`, `set` and `destroy`. */
  readonly methods: readonly string[]
  /** What the text of its `set` has. */
  readonly set?: RegExp
}

type Methods = Record<string, unknown>

/**
 * Refuses a store of another kind at startup, not at the first sign-out. It also refuses a store with its own `get`, `set`
 * or `destroy`, such as a subclass that encrypts or caches: a wrapper writes as the store that it knows, and would bypass it.
 */
export function assertStore (store: object, { name, wrapper, methods, set }: KnownStore): void {
  const missing = ['get', 'set', 'destroy', ...methods].filter(method => typeof (store as Methods)[method] !== 'function')
  if (missing.length > 0) throw new TypeError(`Expected a store of ${name}, received one without ${missing.join(', ')}`)
  const [get, write, destroy, known] = ['get', 'set', 'destroy', ...methods].map(method => ownerOf(store, method))
  const isKnown = write === known && (set === undefined || set.test(String((store as Methods).set)))
  const own = get !== write && get !== known ? 'get' : !isKnown ? 'set' : destroy !== known ? 'destroy' : undefined
  if (own === undefined) return
  throw new TypeError(`${wrapper} writes sessions as ${name} does, and would bypass the ${own} of this ${store.constructor.name}: ` +
    `give it a store as ${name} makes it, or let withReplace add a replace that writes as this store does`)
}

function ownerOf (store: object, method: string): object | null {
  let owner: object | null = store
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner)
  return owner
}
