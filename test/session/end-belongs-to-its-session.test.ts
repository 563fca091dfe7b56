import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { createGate } from '../helpers/gate.js'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

/** How a handler comes to know that the session it was given is over. */
const ways: Record<string, (request: FastifyRequest) => Promise<void> | void> = {
  'a signal that is read': request => { request.sessionTimeout.signal.addEventListener('abort', () => {}) },
  'a touch() that is rejected': request => request.sessionTimeout.touch().catch(() => {}),
  'a restart() that is rejected': request => request.sessionTimeout.restart().catch(() => {})
}

for (const [way, learn] of Object.entries(ways)) {
  for (const url of ['/checked', '/unchecked']) {
    t.test(`after ${way} on ${url}, past the deadline, a sign-in works like any other`, async t => {
      const gate = createGate()
      const { browser, clock } = await openScene(t, {
        routes (app) {
          for (const config of [{}, { sessionTimeout: false as const }]) {
            app.post('sessionTimeout' in config ? '/unchecked' : '/checked', { config }, async request => {
              await gate.pass()
              await learn(request)
              await request.session.regenerate()
              request.session.userId = 'bob'
              return { ended: request.sessionTimeout.ended }
            })
          }
        }
      })
      const late = browser.post(url)
      await gate.reached
      clock.tick(30 * minute)
      gate.open()
      const page = await late
      t.equal(page.statusCode, 200)
      t.same(page.json(), { ended: null })
      t.match(page.setCookies, [/^sessionId=[^;]/])
      t.match((await browser.get('/me')).json(), { userId: 'bob', ended: null, remaining: 30 * minute })
    })
  }
}

for (const afterTimeout of ['continue', { redirectTo: '/login' }] as const) {
  t.test(`a session that had ended when the request came does not weigh on the next, ${JSON.stringify(afterTimeout)}`, async t => {
    const { browser, clock } = await openScene(t, {
      timeout: { afterTimeout },
      routes (app) {
        app.post('/login', { config: { sessionTimeout: { afterTimeout: 'continue' } } }, async request => {
          const before = request.sessionTimeout.ended
          await request.session.regenerate()
          request.session.userId = 'bob'
          return { before, after: request.sessionTimeout.ended }
        })
      }
    })
    clock.tick(30 * minute)
    const page = await browser.post('/login')
    t.same(page.json(), { before: 'idle', after: null })
    t.match((await browser.get('/me')).json(), { userId: 'bob', ended: null, remaining: 30 * minute })
  })
}
