import type { SessionStore } from '@fastify/session'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import t, { type Test } from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { startRedis } from '../helpers/redis.js'
import { openScene } from '../helpers/scene.js'
import { SharedStore } from '../helpers/stores.js'

async function redisStore (t: Test): Promise<SessionStore | undefined> {
  const redis = await startRedis(t)
  if (redis === undefined) return undefined
  const client = await createClient({ url: redis.url }).connect()
  t.teardown(() => client.destroy())
  return new RedisStore({ client }) as unknown as SessionStore
}

const stores = { 'a store in memory': async () => new SharedStore(), Redis: redisStore }

for (const [name, open] of Object.entries(stores)) {
  for (const crowd of [3000, 10_000]) {
    t.test(`${crowd} parallel saves of one session on ${name}, with a sign-out among them, are all answered`, async t => {
      const store = await open(t)
      if (store === undefined) return
      const { app, browser } = await openScene<SessionStore>(t, {
        store,
        routes (app) {
          app.post('/save', async request => {
            request.session.note = request.id
            await request.session.save()
            return 'saved'
          })
        }
      })
      const headers = { cookie: `sessionId=${browser.cookie('sessionId')}` }
      const pages = await Promise.all(Array.from({ length: crowd }, (_, index) => (
        app.inject({ method: 'POST', url: index === 100 ? '/sign-out' : '/save', headers })
      )))
      const statuses = new Set(pages.map(page => page.statusCode))
      for (const status of statuses) t.ok([200, 500, 503].includes(status), `${status}`)
      t.equal(pages[100]!.statusCode, 200, 'the sign-out is one of the thousand that may wait')
      t.equal((await app.inject({ url: '/me', headers })).json().userId, null, 'and nothing brings the session back')
      const other = createBrowser(app)
      await other.post('/sign-in?user=grace')
      t.equal((await other.get('/me')).json().userId, 'grace', 'others are served')
    })
  }
}
