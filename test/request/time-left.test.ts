import type { FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { createGate, type Gate } from '../helpers/gate.js'
import { openScene, type Scene } from '../helpers/scene.js'
import { minute, second } from '../helpers/time.js'

interface Held extends Scene {
  gate: Gate
}

async function open (t: Test): Promise<Held> {
  const gate = createGate()
  const scene = await openScene(t, {
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.get('/held', async request => {
        await gate.pass()
        return told(request)
      })
      app.get('/own-sign-out', async request => {
        await request.session.destroy()
        return told(request)
      })
    }
  })
  return { ...scene, gate }
}

function told ({ sessionTimeout }: FastifyRequest): object {
  const { ended, startedAt, lastActivity, expiresAt, remaining, expiring } = sessionTimeout
  return { ended, startedAt, lastActivity, expiresAt, remaining, expiring }
}

const nothing = { startedAt: null, lastActivity: null, expiresAt: null, remaining: null, expiring: false }

t.test('a request under way is told of a sign-out in this process, not of time left', async t => {
  const { browser, clock, gate } = await open(t)
  const held = browser.clone().get('/held')
  await gate.reached
  clock.tick(second)
  await browser.post('/sign-out')
  gate.open()
  const page = await held
  t.same(page.json(), { ended: 'missing', ...nothing })
  t.equal(page.headers['server-timing'], undefined)
})

t.test('a request under way sees a timeout that a parallel request found, with its reason', async t => {
  const { browser, clock, gate } = await open(t)
  const held = browser.clone().get('/held')
  await gate.reached
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).json().ended, 'idle')
  gate.open()
  const page = await held
  t.same(page.json(), { ended: 'idle', ...nothing })
  t.equal(page.headers['server-timing'], undefined)
})

t.test('a request under way sees the extension by a parallel request', async t => {
  const { browser, clock, gate } = await open(t)
  const held = browser.clone().get('/held')
  await gate.reached
  clock.tick(20 * minute)
  await browser.get('/me')
  clock.tick(5 * minute)
  gate.open()
  const page = await held
  t.match(page.json(), { ended: null, remaining: 25 * minute })
  t.match(page.headers['server-timing'], `session-timeout;dur=${25 * minute}`)
})

t.test('a request that signs its own user out has no time left', async t => {
  const { browser } = await open(t)
  const page = await browser.get('/own-sign-out')
  t.match(page.json(), nothing)
  t.equal(page.headers['server-timing'], undefined)
})

t.test('the time left is told once, also when a later hook fails', async t => {
  let broken = 0
  const { browser } = await openScene(t, {
    timeout: { endpoint: '/session-timeout' },
    routes (app) {
      app.get('/page', async (_request, reply) => reply.header('server-timing', 'db;dur=5').send('page'))
      app.addHook('onSend', async request => {
        // The error response comes through the hooks again.
        if (request.url === '/page' && broken++ === 0) throw new Error('A later hook is broken')
      })
    }
  })
  const page = await browser.get('/page')
  t.equal(page.statusCode, 500)
  t.equal(String(page.headers['server-timing']).split('session-timeout;').length - 1, 1, String(page.headers['server-timing']))
})
