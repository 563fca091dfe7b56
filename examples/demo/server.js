// npm run demo
// PORT, HOST, IDLE_TIMEOUT, ABSOLUTE_TIMEOUT, WARN_BEFORE, REDIS_URL and SESSION_SECRET change what it does.
import { parse } from '@lukeed/ms'
import { buildDemo } from './app.js'
import { describeDuration } from './pages.js'

const {
  PORT = '3000',
  HOST = '127.0.0.1',
  IDLE_TIMEOUT = '60s',
  ABSOLUTE_TIMEOUT = '5m',
  WARN_BEFORE = '20s',
  REDIS_URL,
  SESSION_SECRET
} = process.env

const port = Number(PORT)
if (PORT.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65535) stop(`PORT must be a whole number from 0 to 65535, received "${PORT}".`)

for (const [name, value] of Object.entries({ IDLE_TIMEOUT, ABSOLUTE_TIMEOUT, WARN_BEFORE })) {
  if (/^\s*[\d.]+\s*$/.test(value)) stop(`${name}=${value} would be ${value.trim()} milliseconds. Write ${value.trim()}s for seconds, or ${value.trim()}m for minutes.`)
  if (!(parse(value) > 0)) stop(`${name} must be a duration such as 60s, 5m or 2h, received "${value}".`)
}
if (SESSION_SECRET !== undefined && SESSION_SECRET.length < 32) stop('SESSION_SECRET must have at least 32 characters.')

const { store, close: closeStore } = await openStore()
const app = await buildDemo({
  idleTimeout: IDLE_TIMEOUT,
  absoluteTimeout: ABSOLUTE_TIMEOUT,
  warnBefore: WARN_BEFORE,
  store,
  secret: SESSION_SECRET,
  onTimeout: (request, reply, { reason, session, idleFor }) => {
    const why = reason === 'idle' ? `after ${describeDuration(idleFor)} without activity` : 'at the time limit'
    console.log(`${new Date().toLocaleTimeString()}  ${session.user} was signed out ${why}`)
  },
  logger: { level: 'warn' }
}).catch(error => stop(error.message))

const address = await app.listen({ port, host: HOST }).catch(error => stop(
  error.code === 'EADDRINUSE' ? `Port ${port} is taken. Choose another one: PORT=${port + 1} npm run demo` : error.message
))

console.log(`
  Session timeout demo: ${address}

  You are signed out after ${describeDuration(IDLE_TIMEOUT)} without activity, and after ${describeDuration(ABSOLUTE_TIMEOUT)} at the latest.
  Sessions are kept in ${store ? 'Redis' : 'memory'}.

  Try:
  - Sign in: two tabs side by side. Drag the clock to the warning, and to the end.
  - Sign in again with the same name: the letter that was not saved is back.
  - Switch to "Without it": the same pages without the plugin.
  - Leave the news page open: its polling does not keep you signed in.
  - Type a letter for longer than ${describeDuration(IDLE_TIMEOUT)}: typing does.
  - Look at the statement half a minute after you signed in: you are asked whether it is you.
  - IDLE_TIMEOUT=30s ABSOLUTE_TIMEOUT=2m WARN_BEFORE=10s npm run demo

  Ctrl+C stops it.
`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await app.close()
    await closeStore()
  })
}

async function openStore () {
  if (!REDIS_URL) return { close: async () => {} }
  if (!URL.canParse(REDIS_URL) || !/^rediss?:/.test(REDIS_URL)) stop(`REDIS_URL must be an address such as redis://127.0.0.1:6379, received "${REDIS_URL}".`)
  const [{ RedisStore }, { createClient }] = await Promise.all([import('connect-redis'), import('redis')])
  let connected = false
  const client = createClient({
    url: REDIS_URL,
    // While Redis is down requests fail at once, instead of waiting for it.
    disableOfflineQueue: true,
    socket: { reconnectStrategy: () => connected && 1000 }
  })
  client.on('error', error => { if (connected) console.error(`Redis: ${error.message || error.code}`) })
  await client.connect().catch(error => stop(`Redis at REDIS_URL does not answer: ${error.message || error.code}`))
  connected = true
  return { store: new RedisStore({ client, prefix: 'session-timeout-demo:' }), close: async () => client.destroy() }
}

/** A sentence instead of a stack. */
function stop (message) {
  console.error(message)
  process.exit(1)
}
