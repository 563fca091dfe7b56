import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { openScene, openTwins, settle } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

/** Requests whose handlers have answered and then go on. */
async function open (t: Parameters<typeof openScene>[0]) {
  const requests: FastifyRequest[] = []
  const scene = await openScene(t, {
    routes (app) {
      app.post('/job', async request => {
        requests.push(request)
        return 'started'
      })
    }
  })
  await scene.browser.clone().post('/job')
  await settle()
  return { ...scene, job: requests[0]! }
}

t.test('a job that goes on after its response does not bring back a session that was ended meanwhile', async t => {
  const { browser, store, job } = await open(t)
  await browser.clone().post('/sign-out')
  job.session.note = 'done'
  await job.session.save()
  t.same(store.sessions(), [])
  t.equal(job.sessionTimeout.ended, 'missing')
})

t.test('a save after the response is written into a live session, and moves no instant back', async t => {
  const { browser, clock, store, job, id } = await open(t)
  clock.tick(20 * minute)
  await browser.clone().get('/me')
  job.session.note = 'done'
  await job.session.save()
  t.match(store.peek(id), { note: 'done', sessionTimeout: { startedAt: clock.now() - 20 * minute, lastActivity: clock.now() } })
  clock.tick(20 * minute)
  t.match((await browser.get('/me')).json(), { userId: 'ada', ended: null })
})

t.test('touch and destroy after the response work as during a request, and leave nothing in memory', async t => {
  const { browser, clock, store, job, id } = await open(t)
  clock.tick(20 * minute)
  await job.sessionTimeout.touch()
  t.match(store.peek(id), { sessionTimeout: { lastActivity: clock.now() } })
  await job.session.destroy()
  t.same(store.sessions(), [])
  t.equal((await browser.get('/me')).json().userId, null)
})

t.test('a session that is made after the response is timed like any', async t => {
  const { clock, store, job } = await open(t)
  clock.tick(minute)
  await job.session.regenerate(['userId'])
  t.match(store.sessions().map(id => store.peek(id)), [{ userId: 'ada', sessionTimeout: { startedAt: clock.now() } }])
})

for (const jobs of [1, 2]) {
  t.test(`${jobs} jobs of one session after their responses do not undo the sign-out in another process`, async t => {
    const requests: FastifyRequest[] = []
    const data = new Map<string, string>()
    const { here, there, id } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], {
      routes (app) {
        app.post('/job', async request => {
          requests.push(request)
          return 'started'
        })
      }
    })
    for (let job = 0; job < jobs; job++) await here.browser.clone().post('/job')
    await settle()
    await there.browser.post('/sign-out')
    for (const { session } of requests) session.note = 'done'
    await Promise.all(requests.map(({ session }) => session.save()))
    t.notOk(data.has(id))
    t.same(requests.map(({ sessionTimeout }) => sessionTimeout.ended), Array(jobs).fill('missing'))
    t.equal((await here.browser.get('/me')).json().userId, null)
  })
}
