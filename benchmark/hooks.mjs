// What the hooks cost alone, without a network: ns per request.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import { pathToFileURL } from 'node:url'
import sessionTimeout from 'fastify-session-timeout'

/** Prepares an application and takes the hooks that the plugin registers. */
async function prepare (options) {
  const hooks = {}
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, { secret: 'a secret for the benchmark that is long enough for it', rolling: false, saveUninitialized: false, cookie: { secure: false } })
  const { addHook } = app
  app.addHook = function (name, hook) {
    hooks[name] ??= hook
    return addHook.call(this, name, hook)
  }
  await app.register(sessionTimeout, { user: session => session.userId, ...options })
  app.addHook = addHook
  app.post('/sign-in', async request => { request.session.userId = 'ada' })
  let kept
  app.get('/', async (request, reply) => {
    kept = { request, reply }
    return 'ok'
  })
  const signedIn = await app.inject({ method: 'POST', url: '/sign-in' })
  await app.inject({ url: '/', headers: { cookie: signedIn.headers['set-cookie'].split(';')[0] } })
  // Headers of the response that was sent must not meet the next round.
  return { hooks, request: kept.request, reply: { ...fakeReply(kept.request), request: kept.request } }
}

function fakeReply (request) {
  return { server: request.server, raw: { on () {} }, sent: false, getHeader: () => undefined, removeHeader () {}, header () {} }
}

/** The median of nine rounds. */
async function measure ({ hooks, request, reply }, rounds, wait) {
  const results = []
  for (let round = 0; round < 9; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < rounds; i++) {
      if (wait) {
        await finished(done => hooks.onRequest(request, reply, done))
        await finished(done => hooks.onSend(request, reply, '', done))
      } else {
        hooks.onRequest(request, reply, nothing)
        hooks.onSend(request, reply, '', nothing)
      }
    }
    results.push(Number(process.hrtime.bigint() - start) / rounds)
  }
  return results.sort((a, b) => a - b)[4]
}

function nothing () {}

/** A hook either calls done or returns a promise. */
function finished (hook) {
  return new Promise((resolve, reject) => { hook(resolve)?.then(resolve, reject) })
}

export async function measureHooks () {
  const common = await measure(await prepare({}), 200_000, false)
  const touch = await measure(await prepare({ touchInterval: 0, rolling: false }), 20_000, true)
  return { common: Math.round(common), touch: Math.round(touch) }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { common, touch } = await measureHooks()
  console.log(`hooks: ${common} ns per request in the common path, ${touch} ns with a touch (memory store)`)
}
