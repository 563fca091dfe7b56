import type { SessionStore } from '@fastify/session'
import type { Test } from 'tap'
import { createBrowser } from './browser.js'
import { openScene } from './scene.js'

/** Many saves of one session at once, the hundredth of them a sign-out: all are answered, and the process lives. */
export async function saveAsCrowd (t: Test, store: SessionStore, crowd: number): Promise<{ id: string }> {
  const { app, browser, id } = await openScene<SessionStore>(t, {
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
  return { id }
}
