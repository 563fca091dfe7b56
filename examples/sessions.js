// What the examples beside this file have in common: sessions, their timeout, signing in and out.
import { randomBytes } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import fp from 'fastify-plugin'
import sessionTimeout from 'fastify-session-timeout'

/** @param {{ secret?: string, store?: object, timeout?: object }} options */
export const sessions = fp(async function sessions (app, { secret = randomBytes(32).toString('hex'), store, timeout }) {
  await app.register(cookie)
  await app.register(session, {
    secret,
    rolling: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', path: '/', secure: 'auto' },
    ...(store && { store })
  })
  await app.register(sessionTimeout, {
    idleTimeout: '60s',
    warnBefore: '20s',
    user: session => session.user,
    afterTimeout: 'unauthorized',
    ...timeout
  })

  app.post('/sign-in', { config: { public: true } }, async request => {
    await request.session.regenerate()
    request.session.user = 'Ada'
    return 'signed in\n'
  })
  app.post('/sign-out', async request => {
    await request.session.destroy()
    return 'signed out\n'
  })
  // Any request keeps the session alive, and with it the connections.
  app.get('/work', async () => 'done\n')
})

/** Browsers let any site open a WebSocket here, with the cookies of this one. Clients that are not browsers send no Origin. */
export function isFromThisSite ({ origin, host }) {
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

/** Starts an example when it is the program, not when it is imported. */
export async function runExample (url, buildApp, whatToTry) {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return
  const app = await buildApp()
  const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
  console.log(whatToTry(address))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
}
