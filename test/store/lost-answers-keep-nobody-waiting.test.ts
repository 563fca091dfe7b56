import t, { type Test } from 'tap'
import type { Page } from '../helpers/browser.js'
import { openScene, settle, until, type Scene } from '../helpers/scene.js'
import { FaultyStore, JsonStore, type Operation } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

async function open (t: Test): Promise<Scene<FaultyStore>> {
  return await openScene(t, {
    timers: true,
    store: new FaultyStore(new JsonStore()),
    routes (app) {
      app.post('/note', async request => {
        request.session.note = request.id
        return 'noted'
      })
    }
  })
}

interface Answered {
  page: Page | undefined
}

/** A request, and what has come of it so far. */
function send (running: Promise<Page>): Answered {
  const answered: Answered = { page: undefined }
  running.then(page => { answered.page = page }, () => {})
  return answered
}

interface Case {
  /** What loses its answer. */
  readonly what: string
  readonly operation: Operation
  /** Which of the calls of that kind, from the first request on. */
  readonly nth: number
  /** How long after the sign-in it is, ms. */
  readonly after: number
  readonly request: (scene: Scene<FaultyStore>) => Promise<Page>
  /** What the request says whose answer was lost. */
  readonly statuses: readonly number[]
  /** What requests after it find. */
  readonly isOver: boolean
}

const cases: Case[] = [
  {
    what: 'the write of a touch',
    operation: 'set',
    nth: 0,
    after: 10 * minute,
    request: ({ browser }) => browser.clone().get('/me'),
    statuses: [200],
    isOver: false
  },
  {
    what: 'the read of a touch',
    operation: 'get',
    nth: 1,
    after: 10 * minute,
    request: ({ browser }) => browser.clone().get('/me'),
    statuses: [200],
    isOver: false
  },
  {
    what: 'the read before a save',
    operation: 'get',
    nth: 1,
    after: second,
    request: ({ browser }) => browser.clone().post('/note'),
    statuses: [500],
    isOver: false
  },
  {
    what: 'the write of a save',
    operation: 'set',
    nth: 0,
    after: second,
    request: ({ browser }) => browser.clone().post('/note'),
    statuses: [500],
    isOver: false
  },
  {
    what: 'the mark of a sign-out',
    operation: 'set',
    nth: 0,
    after: second,
    request: ({ browser }) => browser.clone().post('/sign-out'),
    statuses: [200],
    isOver: true
  },
  {
    what: 'the mark of a timeout',
    operation: 'set',
    nth: 0,
    after: 30 * minute,
    request: ({ browser }) => browser.clone().get('/me'),
    statuses: [200],
    isOver: true
  },
  {
    what: 'the read before a timeout',
    operation: 'get',
    nth: 1,
    after: 30 * minute,
    request: ({ browser }) => browser.clone().get('/me'),
    statuses: [503],
    isOver: true
  }
]

for (const { what, operation, nth, after, request, statuses, isOver } of cases) {
  t.test(`${what} whose answer is lost keeps no request of the session waiting for longer than ten seconds`, async t => {
    const scene = await open(t)
    const { store, clock, browser } = scene
    clock.tick(after)
    store.plan[operation] = [...Array<'ok'>(nth).fill('ok'), 'hang']
    const first = send(request(scene))
    await until(() => store.held === 1, 'the call that hangs')
    // Those that join it, and those that come when it has waited for a while.
    const joined = [browser.clone().get('/me'), browser.clone().post('/note')].map(send)
    await clock.run(5 * second)
    await settle()
    const late = [browser.clone().get('/me'), browser.clone().post('/note')].map(send)
    await clock.run(5 * second)
    // The clock stands still from here on.
    await until(() => [first, ...joined, ...late].every(({ page }) => page !== undefined), 'every request is answered')
    t.ok(statuses.includes(first.page?.statusCode ?? 0), `the first one: ${first.page?.statusCode}`)
    for (const { page } of [...joined, ...late]) t.ok([200, 500, 503].includes(page?.statusCode ?? 0), `${page?.statusCode}`)
    const next = send(browser.clone().get('/me'))
    await until(() => next.page !== undefined, 'the next one is answered at once')
    t.equal(next.page?.json().userId, isOver ? null : 'ada')
    store.release()
  })
}

t.test('a store that loses every answer keeps no request waiting for ever', async t => {
  const scene = await open(t)
  const { store, clock, browser } = scene
  clock.tick(10 * minute)
  store.always.set = 'hang'
  const sent: Answered[] = []
  for (let round = 0; round < 3; round++) {
    const one = send(browser.clone().get('/me'))
    sent.push(one)
    await until(() => store.held === round + 1, 'its write')
    await clock.run(10 * second)
    await until(() => one.page !== undefined, 'it is answered')
  }
  t.same(sent.map(({ page }) => page?.json().userId), ['ada', 'ada', 'ada'])
  store.always.set = 'ok'
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
})
