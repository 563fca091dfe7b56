import type { Ends } from './ends.js'

type Listener = (message: string) => void

interface RedisClient {
  publish (channel: string, message: string): Promise<unknown>
  subscribe (channel: string, listener: Listener): Promise<unknown>
  unsubscribe (channel: string, listener: Listener): Promise<unknown>
  duplicate? (): Subscriber
  emit (event: 'error', error: unknown): boolean
}

interface Subscriber extends RedisClient {
  connect (): Promise<unknown>
  close (): Promise<unknown>
  on (event: string, listener: (error?: unknown) => void): unknown
}

/**
 * Tells of ends by Redis's publish and subscribe.
 * A connection that listens can do nothing else, so a client is duplicated for it; a cluster has one of its own.
 *
 * @param client a connected client or cluster of node-redis 5
 */
export function redisEnds (client: object, channel = 'fastify-session-timeout:ends'): Ends {
  const redis = client as RedisClient
  return {
    async publish (message) {
      await redis.publish(channel, message)
    },
    async subscribe (listener, missed) {
      // A listener of one's own: a cluster counts them, and stops for all when the same one is taken out.
      const hear: Listener = message => listener(message)
      const subscriber = 'masters' in client ? undefined : redis.duplicate!()
      if (subscriber) {
        subscriber.on('error', error => redis.emit('error', error))
        await subscriber.connect()
      }
      await (subscriber ?? redis).subscribe(channel, hear)
      // Node-redis subscribes again by itself before it is ready again.
      subscriber?.on('ready', () => missed?.())
      return async () => {
        if (subscriber) await subscriber.close()
        else await redis.unsubscribe(channel, hear)
      }
    }
  }
}
