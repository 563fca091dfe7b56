import t, { type Test } from 'tap'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { openTwins } from '../helpers/scene.js'
import { JsonStore } from '../helpers/stores.js'
import { day, hour, minute, second } from '../helpers/time.js'

interface Scene {
  clock: FakeClock
  /** A new browser with the cookie of that session, at one process or the other. */
  here (): Browser
  there (): Browser
}

async function open (t: Test, timeout: object = {}): Promise<Scene> {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const { here, there } = await openTwins(t, [new JsonStore({ data }), new JsonStore({ data })], {
    flash: true,
    timeout: { endpoint: '/session-timeout', ...timeout },
    routes (app) {
      app.get('/page', async (request, reply) => ({
        ended: request.sessionTimeout.ended,
        messages: reply.flash('warning')
      }))
    }
  })
  const cookie = here.browser.cookie('sessionId')!
  const open = ({ app }: typeof here) => (): Browser => {
    const browser = createBrowser(app)
    browser.setCookie('sessionId', cookie)
    return browser
  }
  return { clock, here: open(here), there: open(there) }
}

for (const [storeGrace, lasts] of [[undefined, day], ['2h', 2 * hour], [0, minute]] as const) {
  t.test(`with storeGrace ${storeGrace}, every process tells why a session timed out, for that long after its end`, async t => {
    const { clock, here, there } = await open(t, storeGrace === undefined ? {} : { storeGrace })
    clock.tick(30 * minute)
    t.match((await here().get('/me')).json(), { userId: null, ended: 'idle' })
    for (const at of [second, 61 * second, hour, lasts - 1].filter(at => at < lasts)) {
      clock.set(Date.UTC(2026, 0, 1, 12) + 30 * minute + at)
      for (const process of [there, here]) {
        t.match((await process().get('/me')).json(), { userId: null, ended: 'idle' }, `after ${at} ms`)
      }
    }
  })
}

const timedOut = { code: 'FST_SESSION_TIMEOUT_ENDED', message: 'The session ended because of inactivity' }

t.test('a page in another process says why, an hour after a poll has ended the session', async t => {
  const { clock, here, there } = await open(t, { afterTimeout: 'unauthorized' })
  clock.tick(30 * minute)
  const poll = await here().get('/me')
  t.equal(poll.statusCode, 401)
  t.match(poll.json(), timedOut)
  t.same(poll.setCookies, [], 'the poll leaves the cookie')
  clock.tick(hour)
  const again = await there().get('/me')
  t.match(again.json(), timedOut)
  t.same(again.setCookies, [], 'as does one in another process')
  const user = there()
  const page = await user.navigate('/page')
  t.match(page.json(), timedOut)
  t.ok(page.setCookies.some(line => line.startsWith('sessionId=')), 'the page takes it away or puts another one in its place')
})

t.test('no process tells of a sign-out more than that the session is missing', async t => {
  const { clock, here, there } = await open(t)
  clock.tick(second)
  await here().post('/sign-out')
  for (const after of [0, second, 2 * minute]) {
    clock.tick(after)
    t.match((await there().get('/me')).json(), { userId: null, ended: 'missing' })
  }
})
