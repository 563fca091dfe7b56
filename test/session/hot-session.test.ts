import t from 'tap'
import { openScene, until } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'

const requests = 400

t.test('with touchInterval 0, requests that come faster than the store answers share its writes', async t => {
  const { app, browser, clock, store, id } = await openScene(t, {
    store: new JsonStore({ min: 2.5, max: 2.5 }),
    timeout: { touchInterval: 0 }
  })
  const headers = { cookie: `sessionId=${browser.cookie('sessionId')}` }
  const { set, get } = store.counts
  const begun = performance.now()
  const running = Array.from({ length: requests }, async () => {
    clock.tick(1)
    const arrivedAt = clock.now()
    const page = await app.inject({ url: '/me', headers })
    return { page, arrivedAt }
  })
  // A millisecond apart, and the store takes five for each answer.
  const last = clock.now()
  const answered = await Promise.all(running)
  const writes = store.counts.set - set
  t.comment(`${writes} writes and ${store.counts.get - get} reads, ${Math.round(performance.now() - begun)} ms`)
  t.ok(writes <= 5, `${writes} writes`)
  t.same(new Set(answered.map(({ page }) => page.json().userId)), new Set(['ada']))
  t.match(store.peek(id), { sessionTimeout: { lastActivity: last } })
})

t.test('each of them is answered once the store has its activity or a later one', async t => {
  const store = new JsonStore({ min: 2.5, max: 2.5 })
  const { app, browser, clock, id } = await openScene(t, {
    store,
    timeout: { touchInterval: 0 },
    routes (app) {
      app.get('/stored', async () => (store.peek(id)!.sessionTimeout as { lastActivity: number }).lastActivity)
    }
  })
  const headers = { cookie: `sessionId=${browser.cookie('sessionId')}` }
  const { set } = store.counts
  const answers: Array<{ arrivedAt: number, stored: number }> = []
  for (let sent = 0; sent < requests; sent++) {
    clock.tick(1)
    const arrivedAt = clock.now()
    app.inject({ url: '/stored', headers })
      .then(page => { answers.push({ arrivedAt, stored: Number(page.body) }) }, () => {})
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await until(() => answers.length === requests, 'all are answered')
  t.comment(`${store.counts.set - set} writes`)
  t.ok(store.counts.set - set <= requests / 3)
  t.same(answers.filter(({ arrivedAt, stored }) => stored < arrivedAt), [])
})
