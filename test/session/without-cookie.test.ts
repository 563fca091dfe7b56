import t from 'tap'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

/** An application whose API clients send the signed id in a header of their own. */
async function open (t: Parameters<typeof openScene>[0]) {
  const scene = await openScene(t, {
    flash: true,
    timeout: { endpoint: '/session-timeout' },
    beforeTimeout (app) {
      app.addHook('onRequest', (request, _reply, done) => {
        const signed = request.headers['x-session']
        if (typeof signed === 'string') app.decryptSession(signed, request, done)
        else done()
      })
    }
  })
  const signed = scene.browser.cookie('sessionId')!
  const get = () => scene.app.inject({ url: '/me', headers: { 'x-session': decodeURIComponent(signed), 'sec-fetch-mode': 'navigate' } })
  return { ...scene, get }
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
