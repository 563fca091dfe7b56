import { createClient } from 'redis'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { findPrograms, freePort, makeFolder, startServer, type Server } from './server.js'

/** Three masters, without replicas; its url is the list of theirs. */
export async function startRedisCluster (t: Test): Promise<Server | undefined> {
  const programs = await findPrograms(t, ['redis-server'], 'redis-server')
  if (programs === undefined) return undefined
  const nodes = await Promise.all([0, 1, 2].map(async () => {
    const [port, bus, folder] = [await freePort(), await freePort(), await makeFolder(t)]
    const url = `redis://127.0.0.1:${port}`
    const server = await startServer(t, {
      program: programs['redis-server'],
      args: [
        '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no',
        '--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', '2000'
      ],
      url,
      folder,
      ask: () => send(url, 'PING')
    })
    return { ...server, port, bus }
  }))
  const slots = [[0, 5460], [5461, 10922], [10923, 16383]]
  for (const [index, { url }] of nodes.entries()) {
    await send(url, 'CLUSTER', 'ADDSLOTSRANGE', ...slots[index]!.map(String))
    for (const { port, bus } of nodes) await send(url, 'CLUSTER', 'MEET', '127.0.0.1', String(port), String(bus))
  }
  await formed()
  return {
    url: nodes.map(({ url }) => url).join(','),
    kill: async () => { await Promise.all(nodes.map(node => node.kill())) },
    start: async () => {
      await Promise.all(nodes.map(node => node.start()))
      await formed()
    }
  }

  async function formed (): Promise<void> {
    for (const { url } of nodes) {
      while (!String(await send(url, 'CLUSTER', 'INFO')).includes('cluster_state:ok')) await pause(50)
    }
  }
}

async function send (url: string, ...command: string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  client.on('error', () => {})
  await client.connect()
  try {
    return await client.sendCommand(command)
  } finally {
    client.destroy()
  }
}
