import session from '@fastify/session'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

const idleTimeout = 30 * minute
const absoluteTimeout = 4 * 60 * minute
const users = 2

/** What users and clocks do. `user` holds one browser, `ms` moves the clock. */
type Action =
  | { do: 'sign in' | 'visit' | 'poll' | 'sign out' | 'renew' | 'start a long request' | 'finish a long request', user: number }
  | { do: 'wait' | 'set the clock back', ms: number }

type Deed = Extract<Action, { user: number }>['do']

// Long requests weigh most: what ends a session while one is running is what matters here.
const deed: fc.Arbitrary<Deed> = fc.oneof(
  ...([['sign in', 4], ['start a long request', 4], ['finish a long request', 3], ['visit', 3], ['poll', 2], ['sign out', 1], ['renew', 1]] as const)
    .map(([one, weight]) => ({ weight, arbitrary: fc.constant<Deed>(one) }))
)

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: deed, user: fc.nat(users - 1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.integer({ min: 1, max: 2 * minute }), fc.constantFrom(minute - 1, minute, 10 * minute, 25 * minute, idleTimeout - 1, idleTimeout, absoluteTimeout)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('set the clock back' as const), ms: fc.integer({ min: 1, max: 5 * minute }) }) }
)

// Without a size, fast-check stops at ten: too few for a sign-in, a long request, its overtaking and its end.
const sequence = fc.array(action, { minLength: 10, maxLength: 40, size: 'max' })

/** The contract, in a few lines. */
interface ModelSession {
  startedAt: number
  lastActivity: number
  ended: boolean
}

function clamp (one: ModelSession, now: number): void {
  one.startedAt = Math.min(one.startedAt, now)
  one.lastActivity = Math.min(one.lastActivity, now)
}

/** What a request of that session finds: whether the user is known. */
function check (one: ModelSession | undefined, now: number, counts: boolean, touchInterval: number): boolean {
  if (one === undefined || one.ended) return false
  clamp(one, now)
  if (now >= Math.min(one.lastActivity + idleTimeout, one.startedAt + absoluteTimeout)) one.ended = true
  else if (counts && now - one.lastActivity >= touchInterval) one.lastActivity = now
  return !one.ended
}

interface Store {
  /** How many sequences; its timers make the JSON store slow. */
  runs: number
  store: JsonStore | InstanceType<typeof session.MemoryStore>
  peek (id: string): Record<string, unknown> | undefined
}

const stores: Record<string, () => Store> = {
  'a store that keeps JSON' () {
    const store = new JsonStore()
    return { runs: 40, store, peek: id => store.peek(id) }
  },
  'the MemoryStore' () {
    const kept = new Map()
    return { runs: 300, store: new session.MemoryStore(kept), peek: id => kept.get(id) }
  }
}

for (const [name, makeStore] of Object.entries(stores)) {
  for (const touchInterval of [0, minute]) {
    t.test(`whatever users and clocks do, ${name} and the model agree, touching every ${touchInterval} ms`, async t => {
      const clock = fakeClock(t)
      const runs = Number(process.env.MODEL_RUNS ?? makeStore().runs)
      const start = clock.now()
      const seen = { endedUnderWay: 0, overtaken: 0 }
      await fc.assert(fc.asyncProperty(sequence, async actions => {
        clock.set(start)
        await play(t, clock, makeStore(), touchInterval, actions, seen)
      }), { numRuns: runs, seed: 20261123, endOnFailure: false })
      t.comment(`${runs} sequences: ${seen.endedUnderWay} sessions ended under a long request, ${seen.overtaken} were extended under one`)
      t.ok(seen.endedUnderWay > 0 && seen.overtaken > 0, 'the sequences contain what they are to try')
    })
  }
}

async function play (t: Test, clock: FakeClock, { store, peek }: Store, touchInterval: number, actions: Action[], seen: { endedUnderWay: number, overtaken: number }): Promise<void> {
  const gates: Array<() => void> = []
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { idleTimeout, absoluteTimeout, touchInterval, appliesTo: signedIn },
    routes (app) {
      app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => ({ userId: request.session.userId ?? null }))
      app.post('/renew', async request => {
        const known = request.session.userId
        if (known !== undefined) await request.session.regenerate(['userId'])
        return { userId: known ?? null }
      })
      app.post('/long', async request => {
        const known = request.session.userId
        const number = gates.length
        await new Promise<void>(resolve => { gates.push(resolve) })
        // Never twice the same: @fastify/session writes only what has changed.
        if (known !== undefined) request.session.note = `written by ${number}`
        return { userId: known ?? null }
      })
    }
  })

  interface Long { of: ModelSession | undefined, began: ModelSession | undefined, known: boolean, cookie: string | undefined, open: () => void, answer: Promise<Page> }
  const people = Array.from({ length: users }, () => ({ browser: createBrowser(app), session: undefined as ModelSession | undefined, long: [] as Long[] }))
  const replays: Array<{ cookie: string, of: ModelSession }> = []

  try {
    for (const one of actions) await perform(one)
    for (const person of people) while (person.long.length > 0) await finish(person)
    for (const { cookie, of } of replays) {
      if (!of.ended) continue
      const thief = createBrowser(app)
      thief.setCookie('sessionId', cookie)
      expect((await thief.get('/me')).json().userId, null, 'an old cookie opens nothing')
      expect(peek(decodeURIComponent(cookie).split('.')[0]!), undefined, 'and nothing is left in the store')
    }
  } finally {
    for (const open of gates) open()
    await app.close()
  }

  async function perform (one: Action): Promise<void> {
    if (one.do === 'wait') return clock.tick(one.ms)
    if (one.do === 'set the clock back') return clock.tick(-one.ms)
    const person = people[(one as { user: number }).user]!
    if (one.do === 'finish a long request') return finish(person)
    const known = check(person.session, clock.now(), one.do !== 'poll', touchInterval)
    if (one.do === 'start a long request') return begin(person, known)
    const url = { 'sign in': '/sign-in', visit: '/me', poll: '/poll', 'sign out': '/sign-out', renew: '/renew' }[one.do]
    const page = await person.browser.request({ method: one.do === 'visit' || one.do === 'poll' ? 'GET' : 'POST', url })
    expect(page.statusCode, 200, url)
    if (one.do !== 'sign in' && one.do !== 'sign out') expect(page.json().userId, known ? 'ada' : null, url)
    if (one.do === 'sign out' && known) person.session!.ended = true
    if (one.do === 'sign in' || (one.do === 'renew' && known)) {
      if (known) person.session!.ended = true
      person.session = { startedAt: clock.now(), lastActivity: clock.now(), ended: false }
      replays.push({ cookie: person.browser.cookie('sessionId')!, of: person.session })
    }
    compareRecord(person.browser, person.session)
  }

  async function begin (person: typeof people[number], known: boolean): Promise<void> {
    const before = gates.length
    const cookie = person.browser.cookie('sessionId')
    const answer = person.browser.clone().post('/long')
    while (gates.length === before) await new Promise(resolve => setImmediate(resolve))
    person.long.push({ of: person.session, began: person.session && { ...person.session }, known, cookie, open: gates[before]!, answer })
  }

  async function finish (person: typeof people[number]): Promise<void> {
    const long = person.long.shift()
    if (long === undefined) return
    long.open()
    const page = await long.answer
    expect(page.json().userId, long.known ? 'ada' : null, 'a long request keeps what it found')
    if (!long.known) return
    if (long.of!.ended) seen.endedUnderWay++
    else if (long.of!.lastActivity > long.began!.lastActivity) seen.overtaken++
    if (long.of!.ended) expect(page.setCookies.find(line => line.startsWith(`sessionId=${long.cookie}`)), undefined, 'no response revives an ended session')
    else {
      // A write keeps the newer instants, of the stored session or of its own request; none from the future.
      long.of!.startedAt = Math.max(long.of!.startedAt, long.began!.startedAt)
      long.of!.lastActivity = Math.max(long.of!.lastActivity, long.began!.lastActivity)
      clamp(long.of!, clock.now())
    }
    if (long.of === person.session) compareRecord(person.browser, person.session)
  }

  function compareRecord (browser: Browser, of: ModelSession | undefined): void {
    const cookie = browser.cookie('sessionId')
    if (of === undefined || of.ended || cookie === undefined) return
    const { startedAt, lastActivity } = peek(decodeURIComponent(cookie).split('.')[0]!)!.sessionTimeout as ModelSession
    expect({ startedAt, lastActivity }, { startedAt: of.startedAt, lastActivity: of.lastActivity }, 'the record')
  }
}

function expect (found: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
}
