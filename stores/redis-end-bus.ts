import type { SessionEndBus } from '../types/index.js'

type Listener = (message: string) => void

interface Client {
  publish (channel: string, message: string): Promise<unknown>
  subscribe (channel: string, listener: Listener): Promise<unknown>
  unsubscribe (channel: string, listener: Listener): Promise<unknown>
}

interface SingleClient extends Client {
  readonly isOpen: boolean
  connect (): Promise<unknown>
  destroy (): void
  duplicate (): SingleClient
  emit (event: 'error', error: unknown): boolean
  on (event: string, listener: (error?: unknown) => void): unknown
  off (event: string, listener: () => void): unknown
}

/**
 * A bus over Redis's publish and subscribe.
 *
 * @param client a connected client or cluster of node-redis 5. A connection that listens can do nothing else. So a client
 * is duplicated, and the duplicate closes with it. A cluster already has such a connection.
 */
export function redisEndBus (client: object, channel = 'fastify-session-timeout:ends'): SessionEndBus {
  const isCluster = 'masters' in client
  if (!isCluster && !('isOpen' in client && 'duplicate' in client)) {
    throw new TypeError('redisEndBus(client) needs a client or cluster of node-redis')
  }
  return {
    publish: message => (client as unknown as Client).publish(channel, message),
    subscribe: isCluster
      ? listener => listenByCluster(client as unknown as Client, channel, listener)
      : (listener, missed) => listen(client as SingleClient, channel, listener, missed)
  }
}

async function listenByCluster (cluster: Client, channel: string, listener: Listener): Promise<() => Promise<unknown>> {
  // A listener of one's own: a cluster stops for all who gave it the same one.
  const hear: Listener = message => listener(message)
  await cluster.subscribe(channel, hear)
  return () => cluster.unsubscribe(channel, hear)
}

async function listen (
  client: SingleClient, channel: string, listener: Listener, missed: () => void
): Promise<() => void> {
  const subscriber = client.duplicate()
  subscriber.on('error', error => client.emit('error', error))
  // Otherwise one that finds no server would look for it, and keep the process alive, for ever.
  client.on('end', stop)
  try {
    await subscriber.connect()
    await subscriber.subscribe(channel, listener)
  } catch (error) {
    stop()
    throw error
  }
  // Node-redis subscribes again by itself before it is ready again.
  subscriber.on('ready', missed)
  return stop

  function stop (): void {
    client.off('end', stop)
    if (subscriber.isOpen) subscriber.destroy()
  }
}
