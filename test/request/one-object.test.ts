import type { RequestSessionTimeout } from '../../index.js'
import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

t.test('request.sessionTimeout is one object a request, in hooks, handlers and errors', async t => {
  const seen: RequestSessionTimeout[] = []
  const { app, browser } = await openScene(t, {
    before (app) { app.addHook('onRequest', async request => { seen.push(request.sessionTimeout) }) },
    routes (app) {
      for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'onResponse'] as const) {
        app.addHook(hook as 'onResponse', async request => { seen.push(request.sessionTimeout) })
      }
      app.get('/throw', async request => {
        seen.push(request.sessionTimeout)
        throw new Error('broken')
      })
      app.get('/exchange', async request => {
        seen.push(request.sessionTimeout)
        await request.session.regenerate()
        seen.push(request.sessionTimeout)
        await request.session.destroy()
        seen.push(request.sessionTimeout)
        return 'exchanged'
      })
    }
  })
  for (const url of ['/me', '/throw', '/nowhere', '/exchange']) {
    for (const one of [browser, createBrowser(app)]) {
      seen.length = 0
      await one.clone().get(url)
      t.ok(seen.length >= 5, `${url}: ${seen.length} looks`)
      t.equal(new Set(seen).size, 1, url)
    }
  }
})

t.test('each request has its own sessionTimeout object', async t => {
  const seen = new Set<RequestSessionTimeout>()
  const { browser } = await openScene(t, {
    routes (app) { app.addHook('onRequest', async request => { seen.add(request.sessionTimeout) }) }
  })
  seen.clear()
  for (let i = 0; i < 3; i++) await browser.get('/me')
  t.equal(seen.size, 3)
})

t.test('a sessionTimeout object kept in a variable reads the present', async t => {
  const { browser, clock } = await openScene(t, {
    routes (app) {
      app.get('/twice', async request => {
        const { sessionTimeout } = request
        const first = sessionTimeout.remaining
        clock.tick(minute)
        return [first, sessionTimeout.remaining, request.sessionTimeout.remaining]
      })
    }
  })
  t.same((await browser.get('/twice')).json(), [30 * minute, 29 * minute, 29 * minute])
})
