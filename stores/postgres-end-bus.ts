import type { SessionEndBus } from '../types/index.js'

interface Pool {
  query (text: string, values: unknown[]): Promise<unknown>
  connect (): Promise<Client>
}

interface Client {
  query (text: string): Promise<unknown>
  on (event: 'notification', listener: (notification: { channel: string, payload?: string }) => void): unknown
  on (event: 'error', listener: (error: Error) => void): unknown
  /** @param destroy takes the connection out of the pool: it must not go on listening for somebody else */
  release (destroy: boolean): void
}

/** How long to wait before connecting again, ms. */
const pause = 1000

/**
 * A bus over Postgres's LISTEN and NOTIFY.
 * It keeps one connection of the pool, and takes another one if that is lost.
 *
 * @param pool a pool of `pg`. A pooler in transaction mode, such as PgBouncer, cannot listen
 */
export function postgresEndBus (pool: object, channel = 'fastify_session_timeout_ends'): SessionEndBus {
  if (!('query' in pool && 'connect' in pool)) throw new TypeError('postgresEndBus(pool) needs a pool of pg')
  const postgres = pool as unknown as Pool
  return {
    publish: message => postgres.query('SELECT pg_notify($1, $2)', [channel, message]),
    async subscribe (listener, missed) {
      let client: Client | undefined
      let timer: NodeJS.Timeout | undefined
      let stopped = false
      await listen()
      return () => {
        stopped = true
        clearTimeout(timer)
        if (client) drop(client)
      }

      async function listen (): Promise<void> {
        const connected = await postgres.connect()
        let listening = false
        // Also while nobody listens yet, and after: an error without a listener would end the process.
        connected.on('error', () => { if (drop(connected) && listening) again() })
        client = connected
        if (stopped) {
          drop(connected)
          return
        }
        connected.on('notification', ({ channel: from, payload }) => {
          // A connection that is let go says goodbye first, and hears until then.
          if (client === connected && from === channel && payload !== undefined) listener(payload)
        })
        try {
          await connected.query(`LISTEN "${channel.replaceAll('"', '""')}"`)
          listening = true
        } catch (error) {
          drop(connected)
          throw error
        }
      }

      function drop (connected: Client): boolean {
        if (client !== connected) return false
        client = undefined
        connected.release(true)
        return true
      }

      function again (): void {
        if (stopped) return
        timer = setTimeout(() => { listen().then(missed, again) }, pause).unref()
      }
    }
  }
}
