import type { Ends } from './ends.js'

interface Pool {
  query (text: string, values: unknown[]): Promise<unknown>
  connect (): Promise<Client>
}

interface Client {
  query (text: string): Promise<unknown>
  on (event: 'notification', listener: (notification: { channel: string, payload?: string }) => void): unknown
  once (event: 'error', listener: (error: Error) => void): unknown
  /** @param destroy takes the connection out of the pool: it must not go on listening for somebody else */
  release (destroy: boolean): void
}

const pause = 1000

/**
 * Tells of ends by Postgres's LISTEN and NOTIFY.
 * Takes one connection of the pool for itself, and another one when that is lost.
 *
 * @param pool a pool of `pg`; a pooler in transaction mode, such as PgBouncer's, cannot listen
 */
export function postgresEnds (pool: object, channel = 'fastify_session_timeout_ends'): Ends {
  const postgres = pool as Pool
  return {
    async publish (message) {
      await postgres.query('SELECT pg_notify($1, $2)', [channel, message])
    },
    async subscribe (listener, missed) {
      let client: Client | undefined
      let timer: NodeJS.Timeout | undefined
      let stopped = false
      await listen()
      return async () => {
        stopped = true
        clearTimeout(timer)
        if (client) drop(client)
      }

      async function listen (): Promise<void> {
        const connected = await postgres.connect()
        if (stopped) return connected.release(true)
        client = connected
        connected.on('notification', ({ channel: from, payload }) => {
          if (from === channel && payload !== undefined) listener(payload)
        })
        try {
          await connected.query(`LISTEN "${channel.replaceAll('"', '""')}"`)
        } catch (error) {
          drop(connected)
          throw error
        }
        connected.once('error', () => { if (drop(connected)) again() })
      }

      function drop (connected: Client): boolean {
        if (client !== connected) return false
        client = undefined
        connected.release(true)
        return true
      }

      function again (): void {
        if (stopped) return
        timer = setTimeout(() => { listen().then(() => missed?.(), again) }, pause).unref()
      }
    }
  }
}
