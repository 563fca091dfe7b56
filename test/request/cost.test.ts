import session from '@fastify/session'
import Fastify from 'fastify'
import cookie from '@fastify/cookie'
import t from 'tap'
import sessionTimeout from '../../index.js'
import { secret } from '../helpers/app.js'
import { fakeClock } from '../helpers/clock.js'
import { CountingStore } from '../helpers/stores.js'

t.test('the common path is synchronous: no promise, no store call, no write, no cookie', async t => {
  fakeClock(t)
  const store = new CountingStore(new session.MemoryStore())
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(session, { secret, store, rolling: false, saveUninitialized: false, cookie: { secure: false } })
  let microtasks = 0
  let ran: number | undefined
  app.addHook('onRequest', (_request, _reply, done) => {
    microtasks = 0
    queueMicrotask(() => { microtasks++ })
    done()
  })
  await app.register(sessionTimeout, { endpoint: '/session-timeout' })
  app.addHook('onRequest', (_request, _reply, done) => {
    ran = microtasks
    done()
  })
  app.addHook('onSend', (_request, _reply, _payload, done) => { done() })
  app.post('/sign-in', async request => { request.session.userId = 'ada' })
  app.get('/me', (request, reply) => { reply.send(request.session.userId) })
  const [line] = [(await app.inject({ method: 'POST', url: '/sign-in' })).headers['set-cookie']].flat()
  const { get, set, destroy } = store.counts
  ran = undefined
  const response = await app.inject({ url: '/me', headers: { cookie: line!.split(';', 1)[0]! } })
  t.equal(response.body, 'ada')
  t.equal(ran, 0, 'the next hook runs before any microtask')
  t.same(store.counts, { get: get + 1, set, destroy }, "the host's own load, and nothing else")
  t.equal(response.headers['set-cookie'], undefined)
})

t.test('the memory of recent ends is bounded', async t => {
  const clock = fakeClock(t)
  const { createRecentEnds } = await import('../../lib/store/recent-ends.js')
  const recent = createRecentEnds()
  for (let i = 0; i < 10_001; i++) recent.remember(`id-${i}`, 'idle', `cookie-${i}`)
  t.equal(recent.find('id-0'), undefined, 'the oldest of 10,001 is forgotten')
  t.equal(recent.findByCookie('cookie-0'), undefined)
  t.equal(recent.find('id-10000')?.reason, 'idle')
  t.equal(recent.findByCookie('cookie-10000')?.reason, 'idle')
  clock.tick(59_999)
  t.ok(recent.find('id-10000'), 'within a minute still known')
  clock.tick(1)
  t.notOk(recent.find('id-10000'), 'and at a minute forgotten')
})
