import type { Session } from 'fastify'
import t from 'tap'
import { openScene } from '../helpers/scene.js'
import { JsonStore, type Operation } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const card = '4111 1111 1111 1111'

/** As ioredis makes them: with the command, its key and its JSON. */
class ReplyError extends Error {
  override name = 'ReplyError'
  code = 'READONLY'
  command: { name: string, args: unknown[] }

  constructor (name: string, args: unknown[]) {
    super("READONLY You can't write against a read only replica.")
    this.command = { name, args }
  }
}

/** Fails at the calls that are planned. */
class RedisLikeStore extends JsonStore {
  readonly fails: Record<Operation, boolean[]> = { get: [], set: [], destroy: [] }

  override get (id: string, callback: Parameters<JsonStore['get']>[1]): void {
    if (this.fails.get.shift()) return callback(new ReplyError('get', [`sess:${id}`]))
    super.get(id, callback)
  }

  override set (id: string, session: Session, callback: (error?: unknown) => void): void {
    if (this.fails.set.shift()) return callback(new ReplyError('set', [`sess:${id}`, JSON.stringify(session), 'EX', 3600]))
    super.set(id, session, callback)
  }

  override destroy (id: string, callback: (error?: unknown) => void): void {
    if (this.fails.destroy.shift()) return callback(new ReplyError('del', [`sess:${id}`]))
    super.destroy(id, callback)
  }
}

async function open (t: Parameters<typeof openScene>[0]) {
  const store = new RedisLikeStore()
  const passive = { config: { sessionTimeout: { countsAsActivity: false } } }
  const body: { arrives?: () => void } = {}
  const scene = await openScene(t, {
    store,
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.post('/pay', async request => { request.session.note = card })
      app.post('/restart', async request => { await request.sessionTimeout.restart() })
      app.post('/touch', passive, async request => { await request.sessionTimeout.touch() })
      app.post('/slow', { ...passive, onRequest: async () => body.arrives?.() }, async () => 'slow')
      app.get('/stream', async request => {
        request.sessionTimeout.signal.addEventListener('abort', () => {})
        return 'open'
      })
    }
  })
  body.arrives = () => scene.clock.tick(2 * second)
  await scene.browser.post('/pay')
  const json = JSON.stringify(scene.store.peek(scene.id))
  t.ok(json.includes(card))
  const secrets = [card, scene.id, scene.browser.cookie('sessionId')!, 'sess:', '"args"', '"command"']
  return {
    ...scene,
    /** Whether no line says more than it may; also one of the host's or of Fastify's about our errors. */
    clean (): boolean {
      const text = scene.logs.map(line => JSON.stringify(line)).join('\n')
      return secrets.every(secret => !text.includes(secret))
    }
  }
}

t.test('a touch that the store refuses is logged by name, code and message alone', async t => {
  for (const operation of ['get', 'set'] as const) {
    await t.test(operation, async t => {
      const { browser, clock, store, logs, clean } = await open(t)
      clock.tick(10 * minute)
      // The first read is the host's.
      store.fails[operation] = operation === 'get' ? [false, true] : [true]
      t.equal((await browser.get('/me')).statusCode, 200)
      const lines = logs.filter(line => line.msg === 'session not extended: the session store failed')
      t.equal(lines.length, 1)
      const text = JSON.stringify(lines[0])
      for (const said of ['ReplyError', 'READONLY', 'read only replica']) t.ok(text.includes(said), said)
      t.ok(clean(), 'and nothing of the session')
    })
  }
})

t.test('a save, restart(), touch() and the second look after a slow body, which the store refuses, say no more', async t => {
  for (const [path, operation, plan] of [
    ['/pay', 'get', [false, true]], ['/pay', 'set', [true]], ['/restart', 'get', [false, true]], ['/restart', 'set', [true]],
    ['/touch', 'get', [false, true]], ['/touch', 'set', [true]], ['/slow', 'get', [false, true]]
  ] as const) {
    await t.test(`${path} and ${operation}`, async t => {
      const { browser, clock, store, logs, clean } = await open(t)
      clock.tick(10 * minute)
      store.fails[operation] = [...plan]
      const before = logs.length
      const page = await browser.post(path)
      t.same(store.fails[operation], [], 'the store has failed')
      t.notMatch(page.body, /4111|sess:/)
      t.ok(logs.slice(before).some(line => JSON.stringify(line).includes('read only replica')), 'it is logged')
      t.ok(clean())
    })
  }
})

t.test('an end that the store refuses says no more', async t => {
  const { browser, clock, store, clean } = await open(t)
  clock.tick(30 * minute)
  store.fails.destroy = [true]
  const page = await browser.get('/me')
  t.equal(page.statusCode, 503)
  t.ok(clean())
  t.notMatch(page.body, /replica|sess:|READONLY/)
})

t.test('what the endpoint answers, and what is logged of it, say no more', async t => {
  for (const [method, operation, plan] of [
    ['POST', 'get', [false, true]], ['POST', 'set', [true]], ['DELETE', 'destroy', [true]]
  ] as const) {
    await t.test(`${method} and ${operation}`, async t => {
      const { browser, clock, store, clean } = await open(t)
      clock.tick(10 * minute)
      store.fails[operation] = [...plan]
      const page = await browser.request({ method, url: '/session-timeout' })
      t.equal(page.statusCode, 503)
      t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_STORE' })
      t.notMatch(page.body, /replica|sess:|READONLY|4111/)
      t.ok(clean())
    })
  }
})

t.test('what a store gives that is no error is logged as it is', async t => {
  const { browser, clock, store, logs } = await open(t)
  clock.tick(10 * minute)
  const notice: unknown = 'the disk is full'
  store.set = (_id, _session, callback) => callback(notice)
  await browser.get('/me')
  const line = logs.find(line => line.msg === 'session not extended: the session store failed')
  t.match(line, { err: { name: 'Error', message: 'the disk is full' } })
})
