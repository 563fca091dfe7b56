// Saves that get lost when a page loads with eight requests at once over four processes on one Redis, one of the eight
// saving, while the clock of the session is due to move.
// node benchmark/lost-saves.mjs [page loads] [contender ...]
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startRedis } from './processes.mjs'

const secret = 'a secret that all processes of the measurement share'
const processes = 4
const requests = 8
const atOnce = 20

/** What keeps the session's clock: the options of @fastify/session, of the plugin, or a hook. */
const contenders = {
  maxAge: '@fastify/session, cookie.maxAge',
  rolling: '@fastify/session, cookie.maxAge and rolling: true',
  hook: 'a hook that stores lastActivity',
  ours: 'fastify-session-timeout',
  replace: 'fastify-session-timeout, store with replace'
}

if (process.send) await serve(...process.argv.slice(2))
else {
  const [loads = '1000', ...names] = process.argv.slice(2)
  const url = await startRedis()
  for (const name of names.length > 0 ? names : Object.keys(contenders)) {
    console.log(`${contenders[name]}: ${await lose(name, Number(loads), url)} of ${loads} page loads lost a save`)
  }
  process.exit()
}

async function lose (name, loads, url) {
  const workers = await Promise.all(Array.from({ length: processes }, () => start(name, url)))
  let lost = 0
  for (let done = 0; done < loads; done += atOnce) {
    const results = await Promise.all(Array.from({ length: Math.min(atOnce, loads - done) }, (_, number) => loadPage(workers, done + number)))
    lost += results.filter(isLost => isLost).length
  }
  for (const { child } of workers) child.kill()
  return lost
}

async function loadPage (workers, number) {
  const { cookie } = await workers[0].inject({ method: 'POST', url: '/sign-in' })
  const headers = { cookie }
  // From here on a touch is due.
  await new Promise(resolve => setTimeout(resolve, 25))
  const saving = number % requests
  const answers = await Promise.all(Array.from({ length: requests }, (_, index) => workers[index % processes].inject(
    index === saving ? { method: 'POST', url: `/cart?item=${number}`, headers } : { url: '/page', headers }
  )))
  const failed = answers.find(({ status }) => status !== 200)
  if (failed) throw new Error(`A request failed with ${failed.status}: ${failed.body}`)
  const { body } = await workers[number % processes].inject({ url: '/cart', headers })
  return JSON.parse(body).item !== String(number)
}

async function start (name, url) {
  const child = fork(fileURLToPath(import.meta.url), [name, url])
  const waiting = new Map()
  let last = 0
  await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`A process ended with ${code}`)))
  })
  child.on('message', ({ number, ...answer }) => {
    waiting.get(number)(answer)
    waiting.delete(number)
  })
  return {
    child,
    inject: request => new Promise(resolve => {
      waiting.set(++last, resolve)
      child.send({ number: last, request })
    })
  }
}

async function serve (name, url) {
  const [{ default: Fastify }, { default: cookie }, { default: session }, { RedisStore }, { createClient }, { default: sessionTimeout }, { withRedisReplace }] = await Promise.all([
    import('fastify'), import('@fastify/cookie'), import('@fastify/session'), import('connect-redis'), import('redis'),
    import('fastify-session-timeout'), import('fastify-session-timeout/stores')
  ])
  const store = new RedisStore({ client: await createClient({ url }).connect() })
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, {
    secret,
    store: name === 'replace' ? withRedisReplace(store) : store,
    rolling: name === 'rolling',
    saveUninitialized: false,
    cookie: { secure: false, ...(name === 'maxAge' || name === 'rolling') && { maxAge: 1_800_000 } }
  })
  if (name === 'ours' || name === 'replace') await app.register(sessionTimeout, { user: session => session.userId, touchInterval: 20 })
  if (name === 'hook') {
    app.addHook('onRequest', async ({ session }) => {
      if (session.userId && Date.now() - (session.lastActivity ?? 0) >= 20) session.lastActivity = Date.now()
    })
  }
  app.post('/sign-in', async request => {
    await request.session.regenerate()
    request.session.userId = 'ada'
  })
  app.get('/page', async () => 'page')
  app.get('/cart', { config: { sessionTimeout: { countsAsActivity: false } } }, async ({ session }) => ({ item: session.item ?? null }))
  app.post('/cart', async ({ query, session }) => {
    session.item = query.item
  })
  await app.ready()
  process.on('message', async ({ number, request }) => {
    const { statusCode, headers, body } = await app.inject(request)
    process.send({ number, status: statusCode, cookie: headers['set-cookie']?.toString().split(';')[0], body })
  })
  process.send('ready')
}
