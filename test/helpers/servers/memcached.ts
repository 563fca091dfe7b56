import { connect } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'
import { findPrograms, freePort, makeFolder, startServer, type Server } from './server.js'

/** Its client runs `ping` to look for a server that it lost, and the process dies where there is no such program. */
export async function startMemcached (t: Test): Promise<Server | undefined> {
  const programs = await findPrograms(t, ['memcached', 'ping'], 'memcached and iputils-ping')
  if (programs === undefined) return undefined
  const port = await freePort()
  return startServer(t, {
    program: programs.memcached,
    args: ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '64'],
    url: `127.0.0.1:${port}`,
    folder: await makeFolder(t),
    ask: async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
    }
  })
}
