import { once } from 'node:events'
import { connect } from 'node:net'
import connectMemcached from 'connect-memcached'
import session from 'express-session'
import { withMemcachedReplace } from 'fastify-session-timeout/stores'

export const name = 'connect-memcached'

const MemcachedStore = connectMemcached(session)

/** The client's defaults give up a server for five hours, and refuse more than ten requests at once. */
const patience = {
  poolSize: 200, retries: 0, timeout: 2000, retry: 500, failures: 1000, failuresTimeout: 1000, reconnect: 500
}

export function create () {
  const store = new MemcachedStore({ hosts: [process.env.STORE_URL], ...patience })
  return process.env.STORE_PLAIN ? store : withMemcachedReplace(store)
}

export function close (store) {
  store.client.end()
}

/** `mg KEY t`, memcached's meta command, tells the seconds that are left. */
export async function expiresAt (store, id) {
  const [host, port] = process.env.STORE_URL.split(':')
  const socket = connect(Number(port), host)
  socket.write(`mg ${store.prefix}${id} t\r\n`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  const seconds = / t(-?\d+)/.exec(String(answer))?.[1]
  return seconds === undefined ? undefined : seconds === '-1' ? null : Date.now() + Number(seconds) * 1000
}
