import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { Signer } from '@fastify/cookie'
import { buildApp, secret, signedIn } from '../helpers/app.js'
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

t.test('a session without a cookie ends at its deadline', async t => {
  const { clock, get, store } = await open(t)
  clock.tick(30 * minute)
  t.match((await get()).json(), { userId: null, ended: 'idle' })
  t.same(store.sessions().filter(id => 'userId' in store.peek(id)!), [])
})

t.test('a session without a cookie reveals nothing of the cookie name', async t => {
  const { clock, store, browser, beforeTimeout } = await open(t)
  const { app } = await buildApp(t, { session: { store }, timeout: { appliesTo: signedIn }, beforeTimeout })
  clock.tick(10 * minute)
  const headers = { 'x-session': decodeURIComponent(browser.cookie('sessionId')!), cookie: 'theme=dark; empty=' }
  const page = await app.inject({ url: '/me', headers })
  t.match(page.json(), { userId: 'ada', remaining: 30 * minute })
})

t.test('hundreds of cookies of others cost no signatures', async t => {
  let signatures = 0
  const keyed = new Signer(secret)
  const signer = {
    sign: (value: string) => keyed.sign(value),
    unsign (value: string) {
      signatures++
      return keyed.unsign(value)
    }
  }
  const { clock, browser, app } = await openScene(t, { session: { secret: signer }, beforeTimeout })
  const signed = decodeURIComponent(browser.cookie('sessionId')!)
  const foreign = Array.from({ length: 350 }, (_, number) => `other${number}=${'x'.repeat(40)}`).join('; ')
  const ask = async (cookie?: string): Promise<number> => {
    // A touch is due at each.
    clock.tick(2 * minute)
    const before = signatures
    const page = await app.inject({ url: '/me', headers: { 'x-session': signed, ...(cookie !== undefined && { cookie }) } })
    t.match(page.json(), { userId: 'ada', remaining: 30 * minute })
    return signatures - before
  }
  const alone = await ask()
  t.ok(alone <= 2, `${alone} without any cookie`)
  t.equal(await ask(foreign), alone)
  t.equal(await ask(foreign), alone, 'each time')
  const junk = await ask(`${foreign}; sessionId=${'y'.repeat(4000)}`)
  t.ok(junk < 80, `${junk} for one of our name that holds something else: a prefix is looked for`)
})
