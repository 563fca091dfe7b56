import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { openScene, until, type Scene } from '../helpers/scene.js'
import { FaultyStore, JsonStore, type Fault, type Operation } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const url = '/session-timeout'

type Place = 'before' | 'after' | 'none'

/** An application whose error handler answers in its own form, set before or after the plugin. */
async function open (t: Test, place: Place): Promise<Scene<FaultyStore>> {
  const handle = (app: FastifyInstance): void => {
    app.setErrorHandler<Error & { code?: string, statusCode?: number }>((error, _request, reply) => {
      reply.code(error.statusCode ?? 500).send({ handled: error.code ?? error.name })
    })
  }
  const scene = await openScene(t, {
    store: new FaultyStore(new JsonStore()),
    timeout: { endpoint: url, afterTimeout: 'unauthorized' },
    before: app => { if (place === 'before') handle(app) },
    routes: app => { if (place === 'after') handle(app) }
  })
  scene.clock.tick(10 * minute)
  return scene
}

const cases: Array<[method: 'POST' | 'DELETE', operation: Operation, fault: (fault: Fault) => Fault[]]> = [
  // The first read is the host's own.
  ['POST', 'get', fault => ['ok', fault]],
  ['POST', 'set', fault => [fault]],
  ['DELETE', 'destroy', fault => [fault]]
]

for (const place of ['before', 'after'] as const) {
  for (const [method, operation, plan] of cases) {
    for (const fault of ['error', 'throw', 'reject'] as const) {
      t.test(`${method} when ${operation} ends in ${fault}: a 503 through the error handler that is set ${place} the plugin`, async t => {
        const { browser, store } = await open(t, place)
        store.plan[operation] = plan(fault)
        const page = await browser.clone().request({ method, url })
        t.equal(page.statusCode, 503)
        t.same(page.json(), { handled: 'FST_SESSION_TIMEOUT_STORE' })
        t.same(page.setCookies, [], 'the cookie stays')
        if (method === 'POST') t.equal((await browser.get('/me')).json().userId, 'ada', 'the session is as it was')
      })
    }
  }

  t.test(`refusals go through the error handler that is set ${place} the plugin`, async t => {
    const { browser, clock, app } = await open(t, place)
    const cross = { 'sec-fetch-site': 'cross-site' }
    t.same((await browser.clone().post(url, {}, cross)).json(), { handled: 'FST_SESSION_TIMEOUT_FORBIDDEN' })
    t.same((await browser.clone().request({ method: 'DELETE', url, headers: cross })).json(), { handled: 'FST_SESSION_TIMEOUT_FORBIDDEN' })
    t.same((await app.inject({ method: 'POST', url })).json(), { handled: 'FST_SESSION_TIMEOUT_ENDED' })
    t.same((await browser.clone().post(url, { idleFor: -1 })).json(), { handled: 'FST_ERR_VALIDATION' })
    clock.tick(30 * minute)
    t.same((await browser.clone().post(url)).json(), { handled: 'FST_SESSION_TIMEOUT_ENDED' })
  })
}

for (const [method, operation, plan] of cases) {
  t.test(`without an error handler, ${method} when ${operation} fails is not answered in the words of the store`, async t => {
    const { browser, store } = await open(t, 'none')
    store.plan[operation] = plan('error')
    const page = await browser.clone().request({ method, url })
    t.match(page.json(), { statusCode: 503, code: 'FST_SESSION_TIMEOUT_STORE' })
    t.notMatch(page.body, 'StoreDownError')
    t.not(page.json().message, operation)
  })
}

for (const [fault, status, code] of [['ok', 401, 'FST_SESSION_TIMEOUT_ENDED'], ['error', 503, 'FST_SESSION_TIMEOUT_STORE']] as const) {
  t.test(`a report of long ago that the store takes its time for extends no further than it says, destroy: ${fault}`, async t => {
    const { browser, store, clock } = await open(t, 'none')
    clock.tick(10 * minute)
    store.plan.set = ['hang']
    const report = browser.clone().post(url, { idleFor: 18 * minute })
    await until(() => store.held > 0, 'the write')
    clock.tick(12 * minute)
    store.plan.destroy = [fault]
    store.release()
    const page = await report
    t.equal(page.statusCode, status)
    t.match(page.json(), { code })
    t.equal((await browser.get('/me')).statusCode, 401, 'the session is over')
  })
}
