import cookie from '@fastify/cookie'
import session from '@fastify/session'
import express from 'express'
import expressSession from 'express-session'
import Fastify from 'fastify'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import sessionTimeout from '../../index.js'
import { secret } from '../helpers/app.js'

/** A store that both kinds of application can share, as they would share Redis. */
class SharedStore extends expressSession.Store {
  kept = new Map<string, string>()
  get (id: string, done: (error: unknown, session?: expressSession.SessionData | null) => void): void { done(null, this.kept.has(id) ? JSON.parse(this.kept.get(id)!) : null) }
  set (id: string, data: object, done?: (error?: unknown) => void): void { this.kept.set(id, JSON.stringify(data)); done?.() }
  destroy (id: string, done?: (error?: unknown) => void): void { this.kept.delete(id); done?.() }
}

t.test('who signed in with express-session stays signed in, and is timed from then on', async t => {
  const store = new SharedStore()
  const before = express()
  before.use(expressSession({ secret, store, rolling: true, resave: false, saveUninitialized: false, cookie: { maxAge: 1_800_000 } }))
  before.get('/login', (request, response) => {
    Object.assign(request.session, { userId: 'ada' })
    response.send('ok')
  })
  const server = before.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { headers } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/login`)

  const after = Fastify()
  t.teardown(() => after.close())
  await after.register(cookie)
  await after.register(session, { secret, store, cookieName: 'connect.sid', cookiePrefix: 's:', rolling: false, saveUninitialized: false, cookie: { secure: false } })
  await after.register(sessionTimeout, { cookieName: 'connect.sid', idleTimeout: '30m' })
  after.get('/', async request => ({ userId: request.session.userId, remaining: request.sessionTimeout.remaining }))
  const [pair] = headers.getSetCookie()[0]!.split(';', 1)
  const { userId, remaining } = (await after.inject({ url: '/', headers: { cookie: pair! } })).json()
  t.equal(userId, 'ada')
  t.ok(remaining > 1_799_000, 'with the whole time before them')
})
