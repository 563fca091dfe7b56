import type { Session } from 'fastify'
import { assertStore, withReplace } from './replace.js'
import type { SessionStoreWithReplace } from '../types/index.js'

interface ConnectMemcached {
  readonly client: Client
  set (id: string, session: Session, callback?: (error?: unknown) => void): void
}

type Write = (key: string, value: unknown, seconds: number, callback: (error?: unknown) => void) => void

interface Client {
  set: Write
  replace: Write
}

/** The longest time, in seconds, that memcached reads as a length of time: it reads a larger number as a date. */
const longestSpan = 30 * 24 * 60 * 60

/**
 * Adds `replace` to the store of connect-memcached, with memcached's command of that name, through the store's own client.
 * It also corrects `set` for sessions that live longer than 30 days, which memcached would forget at once.
 */
export function withMemcachedReplace<Store extends object> (store: Store): Store & SessionStoreWithReplace {
  assertStore(store, { name: 'connect-memcached', wrapper: 'withMemcachedReplace', methods: ['getKey'], set: /client\.set\(/ })
  const { client, set } = store as unknown as ConnectMemcached
  // The store's own `set`, which knows its keys, lives and ciphers, with another verb for its client.
  const setting = storeWriting((...write) => client.set(...write))
  const replacing = storeWriting((...write) => client.replace(...write))
  Object.assign(store, { set: set.bind(setting) })

  return withReplace(store, (id, session) => new Promise((resolve, reject) => {
    set.call(replacing, id, session, (error?: unknown) => {
      if (!error) resolve(true)
      else if ((error as { notStored?: boolean }).notStored) resolve(false)
      else reject(error)
    })
  }))

  function storeWriting (write: Write): ConnectMemcached {
    const dated: Write = (key, value, seconds, callback) => {
      write(key, value, seconds > longestSpan ? Math.floor(Date.now() / 1000) + seconds : seconds, callback)
    }
    return Object.create(store, { client: { value: { set: dated } } })
  }
}
