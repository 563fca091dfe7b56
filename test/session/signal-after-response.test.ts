import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { openScene, settle } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

/** A job that goes on after the response, and only then looks at the signal. */
async function open (t: Parameters<typeof openScene>[0]) {
  const requests: FastifyRequest[] = []
  const scene = await openScene(t, {
    timers: true,
    routes (app) {
      app.post('/job', async request => {
        requests.push(request)
        return 'started'
      })
    }
  })
  await scene.browser.clone().post('/job')
  return { ...scene, request: requests[0]! }
}

const ends: Record<string, (scene: Awaited<ReturnType<typeof open>>) => Promise<unknown>> = {
  'a sign-out': ({ browser }) => browser.clone().post('/sign-out'),
  'a timeout that a request finds' ({ browser, clock }) {
    clock.tick(30 * minute)
    return browser.clone().get('/me')
  }
}

for (const [name, end] of Object.entries(ends)) {
  t.test(`a signal that is first read after the response is aborted once the session has ended by ${name}`, async t => {
    const scene = await open(t)
    const { signal } = scene.request.sessionTimeout
    await end(scene)
    await settle()
    t.equal(signal.aborted, true)
    t.match(signal.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', statusCode: 401 })
  })

  t.test(`and one that is first read after ${name} is aborted already`, async t => {
    const scene = await open(t)
    await end(scene)
    t.equal(scene.request.sessionTimeout.signal.aborted, true)
  })
}
