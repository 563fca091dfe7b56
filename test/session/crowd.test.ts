import t from 'tap'
import { createBrowser } from '../helpers/browser.js'
import { openScene } from '../helpers/scene.js'
import { SharedStore } from '../helpers/stores.js'

t.test('3,000 parallel saves of one session with a sign-out among them are all answered', async t => {
  const store = new SharedStore()
  const { app, browser, id } = await openScene(t, {
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
  const pages = await Promise.all(Array.from({ length: 3000 }, (_, index) => (
    app.inject({ method: 'POST', url: index === 100 ? '/sign-out' : '/save', headers })
  )))
  const statuses = new Set(pages.map(page => page.statusCode))
  for (const status of statuses) t.ok([200, 500, 503].includes(status), `${status}`)
  t.equal(pages[100]!.statusCode, 200, 'the sign-out is one of the thousand that may wait')
  t.notOk(store.data.has(id), 'and nothing brings the session back')
  const other = createBrowser(app)
  await other.post('/sign-in?user=grace')
  t.equal((await other.get('/me')).json().userId, 'grace', 'others are served')
})
