import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

/** An application whose API clients send the signed id in a header of their own. */
async function open (t: Parameters<typeof openScene>[0]) {
  const scene = await openScene(t, { flash: true, timeout: { endpoint: '/session-timeout' }, beforeTimeout })
  const signed = scene.browser.cookie('sessionId')!
  const get = () => scene.app.inject({ url: '/me', headers: { 'x-session': decodeURIComponent(signed), 'sec-fetch-mode': 'navigate' } })
  return { ...scene, get, beforeTimeout }
}

function beforeTimeout (app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const signed = request.headers['x-session']
    if (typeof signed === 'string') app.decryptSession(signed, request, done)
    else done()
  })
}

t.test('a session that comes by another way than the cookie is extended, and no cookie is sent for it', async t => {
  const { clock, get } = await open(t)
  for (const after of [10, 29, 29]) {
    clock.tick(after * minute)
    const page = await get()
    t.equal(page.statusCode, 200)
    t.match(page.json(), { userId: 'ada', remaining: 30 * minute })
    t.equal(page.headers['set-cookie'], undefined)
  }
})

t.test('and ends at its deadline', async t => {
  const { clock, get, store } = await open(t)
  clock.tick(30 * minute)
  t.match((await get()).json(), { userId: null, ended: 'idle' })
  t.same(store.sessions().filter(id => 'userId' in store.peek(id)!), [])
})

t.test('it tells nothing of the name of the cookie', async t => {
  const { clock, store, browser, beforeTimeout } = await open(t)
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, beforeTimeout })
  clock.tick(10 * minute)
  const headers = { 'x-session': decodeURIComponent(browser.cookie('sessionId')!), cookie: 'theme=dark; empty=' }
  const page = await app.inject({ url: '/me', headers })
  t.match(page.json(), { userId: 'ada', remaining: 30 * minute })
})
