import t, { type Test } from 'tap'
import { openScene, type Scene } from '../helpers/scene.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'

async function open (t: Test, timeout: object = {}): Promise<Scene & { shown: string[] }> {
  const shown: string[] = []
  const scene = await openScene(t, {
    flash: true,
    timeout,
    routes (app) {
      app.get('/page', async request => 'page for ' + (request.session.userId ?? 'nobody'))
      app.get('/messages', async (_request, reply) => {
        const messages = reply.flash('warning') as string[]
        shown.push(...messages)
        return messages
      })
    }
  })
  return { ...scene, shown }
}

for (const shows of ['each page', 'a page that comes later'] as const) {
  for (const delay of [0, 3]) {
    t.test(`three parallel navigations near the absolute limit: one message, shown by ${shows}, delay ${delay}`, async t => {
      const shown: string[] = []
      const { browser, clock } = await openScene(t, {
        store: new JsonStore({ max: delay }),
        flash: true,
        timeout: { absoluteTimeout: '1h' },
        routes (app) {
          app.get('/page', async (_request, reply) => {
            if (shows === 'each page') shown.push(...reply.flash('warning') as string[])
            return 'page'
          })
          app.get('/messages', async (_request, reply) => {
            shown.push(...reply.flash('warning') as string[])
            return 'read'
          })
        }
      })
      clock.tick(29 * minute)
      await browser.get('/me')
      clock.tick(29 * minute)
      await Promise.all([1, 2, 3].map(() => browser.clone().navigate('/page')))
      await browser.get('/messages')
      t.equal(shown.length, 1, 'one')
      await browser.navigate('/page')
      await browser.get('/messages')
      t.equal(shown.length, 1, 'and none again')
    })
  }
}

t.test('1,000 replays of one ended cookie do not fill the store', async t => {
  const { browser, clock, store } = await open(t)
  clock.tick(30 * minute)
  const stale = browser.clone()
  const page = await browser.navigate('/page')
  t.equal(page.body, 'page for nobody')
  for (let done = 0; done < 1000; done += 100) {
    await Promise.all(Array.from({ length: 100 }, () => stale.clone().navigate('/page')))
  }
  t.ok(store.sessions().length <= 10, `${store.sessions().length} sessions are stored`)
  t.match((await browser.get('/messages')).json(), [/.+/], 'and the user is told')
})

t.test('a user whose navigations came at the same time is told once, whichever answer the browser keeps', async t => {
  const { browser, clock } = await open(t)
  clock.tick(30 * minute)
  await Promise.all([1, 2, 3].map(() => browser.navigate('/page')))
  t.equal((await browser.get('/messages')).json().length, 1)
})

t.test('messages cost no session where the store fails', async t => {
  const store = new FaultyStore(new JsonStore())
  const { browser, clock } = await openScene(t, { store, flash: true, timeout: { absoluteTimeout: 1 * hour }, routes: app => { app.get('/page', async () => 'page') } })
  clock.tick(60 * minute)
  store.plan.destroy.push('error')
  const { set } = store.counts
  t.equal((await browser.navigate('/page')).statusCode, 503)
  t.ok(store.counts.set - set <= 1, 'but for the mark of the end')
})
