import { PassThrough } from 'node:stream'
import session from '@fastify/session'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { until } from '../helpers/scene.js'
import { JsonStore, withClock } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const idleTimeout = 30 * minute
const absoluteTimeout = 4 * 60 * minute
const users = 2

type Immediate = 'sign in' | 'visit' | 'poll' | 'sign out' | 'renew' | 'restart' | 'save beside touches' | 'save twice at once'
type Long = 'a long request' | 'a long renewal' | 'a slow body'

/** What users and clocks do. `user` holds one browser, `on` is the process that is asked, `ms` moves the clock. */
type Action =
  | { do: Immediate | Long | 'finish', user: number, on: number }
  | { do: 'wait' | 'set the clock back', ms: number }

const weights: Record<Immediate | Long | 'finish', number> = {
  'sign in': 4,
  visit: 3,
  poll: 2,
  'sign out': 1,
  renew: 1,
  restart: 1,
  'save beside touches': 2,
  'save twice at once': 1,
  // They weigh most: what ends a session while one is running is what matters here.
  'a long request': 4,
  'a long renewal': 3,
  'a slow body': 3,
  finish: 7
}

const deed = fc.oneof(...Object.entries(weights).map(([one, weight]) => ({ weight, arbitrary: fc.constant(one as keyof typeof weights) })))

const waits = [1, 999, second, second + 1, minute - 1, minute, 10 * minute, 25 * minute, idleTimeout - 1, idleTimeout, absoluteTimeout]

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: deed, user: fc.nat(users - 1), on: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.integer({ min: 1, max: 2 * minute }), fc.constantFrom(...waits)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('set the clock back' as const), ms: fc.integer({ min: 1, max: 5 * minute }) }) }
)

// Without a size, fast-check stops at ten: too few for a sign-in, a long request, its overtaking and its end.
const sequence = fc.array(action, { minLength: 10, maxLength: 40, size: 'max' })

/** The contract, in a few lines. */
interface ModelSession {
  startedAt: number
  lastActivity: number
  ended: boolean
  /** In which process it ended; undefined for both, or neither. */
  endedOn: number | undefined
  /** What requests have saved, one key each. */
  data: Record<string, unknown>
}

function begin (now: number): ModelSession {
  return { startedAt: now, lastActivity: now, ended: false, endedOn: undefined, data: {} }
}

function clamp (one: ModelSession, now: number): void {
  one.startedAt = Math.min(one.startedAt, now)
  one.lastActivity = Math.min(one.lastActivity, now)
}

function isOver (one: ModelSession, now: number): boolean {
  return now >= Math.min(Math.min(one.lastActivity, now) + idleTimeout, Math.min(one.startedAt, now) + absoluteTimeout)
}

function end (one: ModelSession, on: number): void {
  if (!one.ended) one.endedOn = on
  one.ended = true
}

/** What a request of that session finds: whether the user is known. */
function check (one: ModelSession | undefined, now: number, on: number, counts: boolean, touchInterval: number): boolean {
  if (one === undefined || one.ended) return false
  clamp(one, now)
  if (isOver(one, now)) end(one, on)
  else if (counts && now - one.lastActivity >= touchInterval) one.lastActivity = now
  return !one.ended
}

interface Stores {
  /** How many sequences; its timers make the JSON store slow. */
  runs: number
  /** One for each process. */
  stores: readonly [JsonStore, JsonStore] | readonly [InstanceType<typeof session.MemoryStore>, InstanceType<typeof session.MemoryStore>]
  peek (id: string): { [key: string]: unknown } | undefined
}

interface Counts {
  endedUnderWay: number
  overtaken: number
  renewedTooLate: number
  slowTooLate: number
  lostUpdates: number
  stepsBack: number
}

const makers: Record<string, (counts: Counts) => Stores> = {
  'two processes on a store that keeps JSON' (counts) {
    const data = new Map<string, string>()
    watch(data, json => JSON.parse(json), counts)
    return { runs: 20, stores: [new JsonStore({ data }), new JsonStore({ data })], peek: id => withClock(id, key => data.has(key) ? JSON.parse(data.get(key)!) : undefined) }
  },
  'two instances on one MemoryStore' (counts) {
    const kept = new Map<string, { [key: string]: unknown }>()
    watch(kept, one => one, counts)
    const store = new session.MemoryStore(kept as never)
    return { runs: 40, stores: [store, store], peek: id => withClock(id, key => kept.get(key)) }
  }
}

/** Counts writes that move an activity back which was none of the future. */
function watch<Value> (data: Map<string, Value>, read: (value: Value) => { [key: string]: unknown }, counts: Counts): void {
  const { set } = data
  // A MemoryStore gives the kept object away: its record is remembered here.
  const latest = new Map<string, number>()
  data.set = (id, value) => {
    const record = read(value).sessionTimeout as ModelSession | undefined
    const before = latest.get(id) ?? 0
    if (record !== undefined) {
      if (record.lastActivity < before && before <= Date.now()) counts.stepsBack++
      latest.set(id, record.lastActivity)
    }
    return set.call(data, id, value)
  }
}

for (const [name, make] of Object.entries(makers)) {
  for (const touchInterval of [0, minute]) {
    t.test(`whatever users and clocks do, ${name} and the model agree, touching every ${touchInterval} ms`, async t => {
      const clock = fakeClock(t)
      const counts: Counts = { endedUnderWay: 0, overtaken: 0, renewedTooLate: 0, slowTooLate: 0, lostUpdates: 0, stepsBack: 0 }
      const runs = Number(process.env.MODEL_RUNS ?? make(counts).runs)
      const start = clock.now()
      await fc.assert(fc.asyncProperty(sequence, async actions => {
        clock.set(start)
        await play(t, clock, make(counts), touchInterval, actions, counts)
      }), { numRuns: runs, seed: Number(process.env.MODEL_SEED ?? 20261123), endOnFailure: false })
      t.comment(`${runs} sequences: ${JSON.stringify(counts)}`)
      const { lostUpdates, stepsBack, ...tried } = counts
      t.same({ lostUpdates, stepsBack }, { lostUpdates: 0, stepsBack: 0 })
      for (const [what, times] of Object.entries(tried)) t.ok(times > 0, `the sequences contain what they are to try: ${what}`)
    })
  }
}

interface Running {
  kind: Long
  on: number
  at: number
  of: ModelSession | undefined
  began: ModelSession | undefined
  known: boolean
  cookie: string | undefined
  key: string
  browser: Browser
  open: () => void
  answer: Promise<Page>
}

interface Person {
  /** One jar, as seen by either process. */
  browsers: readonly [Browser, Browser]
  session: ModelSession | undefined
  running: Running[]
}

async function play (t: Test, clock: FakeClock, { stores, peek }: Stores, touchInterval: number, actions: Action[], counts: Counts): Promise<void> {
  const gates: Array<() => void> = []
  /** A clock that was set back makes what is stored a thing of the future, which counts as now until it is past: then
   * instants may be as late as that, and no later than now. */
  let isSetBack = false
  let arrivals = 0
  let keys = 0

  const routes = (app: FastifyInstance): void => {
    app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => ({ userId: request.session.userId ?? null }))
    app.post('/renew', async request => {
      const known = request.session.userId
      if (known !== undefined) await request.session.regenerate(['userId'])
      return { userId: known ?? null }
    })
    app.post('/restart', async request => {
      const known = request.session.userId
      if (known !== undefined) await request.sessionTimeout.restart()
      return { userId: known ?? null }
    })
    app.post<{ Querystring: { key: string } }>('/save', async request => {
      const known = request.session.userId
      if (known !== undefined) request.session.set(request.query.key as 'note', request.id)
      return { userId: known ?? null }
    })
    app.post<{ Querystring: { key: string, renew?: string } }>('/long', async request => {
      const known = request.session.userId
      await new Promise<void>(resolve => { gates.push(resolve) })
      if (known === undefined) return { userId: null }
      if (request.query.renew) {
        await request.session.regenerate(['userId'])
        return { userId: known, now: request.session.userId ?? null }
      }
      request.session.set(request.query.key as 'note', request.id)
      return { userId: known }
    })
    app.addHook('onRequest', async request => { if (request.url.startsWith('/slow')) arrivals++ })
    app.post('/slow', async request => ({ userId: request.session?.userId ?? null }))
  }

  const apps = await Promise.all(stores.map(async store => (await buildApp(t, {
    session: { store },
    timeout: { idleTimeout, absoluteTimeout, touchInterval, appliesTo: signedIn },
    routes
  })).app))
  const people: Person[] = Array.from({ length: users }, () => {
    const jar = new Map()
    return { browsers: [createBrowser(apps[0]!, jar), createBrowser(apps[1]!, jar)], session: undefined, running: [] }
  })
  const replays: Array<{ cookie: string, of: ModelSession }> = []

  try {
    for (const one of actions) await perform(one)
    for (const person of people) while (person.running.length > 0) await finish(person)
    for (const { cookie, of } of replays) {
      if (!of.ended) continue
      for (const app of apps) {
        const thief = createBrowser(app)
        thief.setCookie('sessionId', cookie)
        expect((await thief.get('/me')).json().userId, null, 'an old cookie opens nothing')
      }
      expect(peek(idOf(cookie)), undefined, 'and nothing is left in the store')
    }
  } finally {
    for (const open of gates) open()
    for (const person of people) for (const { open } of person.running) open()
    await Promise.all(apps.map(app => app.close()))
  }

  async function perform (one: Action): Promise<void> {
    if (one.do === 'wait') return clock.tick(one.ms)
    if (one.do === 'set the clock back') {
      isSetBack = true
      return clock.tick(-one.ms)
    }
    const { user, on } = one as { user: number, on: number }
    const person = people[user]!
    if (isSetBack) compare(person.browsers[0], person.session)
    if (one.do === 'finish') return finish(person)
    const known = check(person.session, clock.now(), on, one.do !== 'poll', touchInterval)
    if (one.do === 'a long request' || one.do === 'a long renewal' || one.do === 'a slow body') return start(person, one.do, on, known)
    await carryOut(person, one.do as Immediate, on, known)
    compare(person.browsers[0], person.session)
  }

  async function carryOut (person: Person, one: Immediate, on: number, known: boolean): Promise<void> {
    const browser = person.browsers[on]!
    if (one === 'save beside touches' || one === 'save twice at once') return saveAtOnce(person, one, on, known)
    const url = { 'sign in': '/sign-in', visit: '/me', poll: '/poll', 'sign out': '/sign-out', renew: '/renew', restart: '/restart' }[one]
    const page = await browser.request({ method: one === 'visit' || one === 'poll' ? 'GET' : 'POST', url })
    expect(page.statusCode, 200, url)
    if (one !== 'sign in' && one !== 'sign out') expect(page.json().userId, known ? 'ada' : null, url)
    if (one === 'sign out' && known) end(person.session!, on)
    if (one === 'restart' && known) person.session!.startedAt = person.session!.lastActivity = clock.now()
    if (one === 'sign in' || (one === 'renew' && known)) {
      if (known) end(person.session!, on)
      person.session = begin(clock.now())
      replays.push({ cookie: browser.cookie('sessionId')!, of: person.session })
    }
  }

  /** Requests of one session at the same time, in one process. */
  async function saveAtOnce (person: Person, one: Immediate, on: number, known: boolean): Promise<void> {
    const browser = person.browsers[on]!
    const mine = [nextKey()]
    if (one === 'save twice at once') mine.push(nextKey())
    const pages = await Promise.all([
      browser.clone().get('/me'),
      ...mine.map(key => browser.clone().post(`/save?key=${key}`)),
      browser.clone().get('/me')
    ])
    for (const page of pages) expect(page.json().userId, known ? 'ada' : null, one)
    if (!known) return
    // Of two saves of whole sessions one wins, as without the plugin; what was there before stays, and a touch takes nothing away.
    const stored = dataOf(browser)
    const kept = mine.filter(key => key in stored)
    expect(kept.length >= 1, true, `${one}: a save is there`)
    for (const key of kept) person.session!.data[key] = stored[key]
  }

  async function start (person: Person, kind: Long, on: number, known: boolean): Promise<void> {
    const browser = person.browsers[on]!.clone()
    const key = nextKey()
    const { session } = person
    const one = { kind, on, at: clock.now(), of: session, began: session && { ...session, data: { ...session.data } }, known, key, browser, cookie: browser.cookie('sessionId') }
    if (kind === 'a slow body') {
      const before = arrivals
      const payload = new PassThrough()
      payload.write('{')
      const answer = browser.request({ method: 'POST', url: '/slow', payload, headers: { 'content-type': 'application/json' } })
      await until(() => arrivals > before, 'the slow request')
      person.running.push({ ...one, answer, open: () => { payload.end('}') } })
      return
    }
    const before = gates.length
    const answer = browser.post(`/long?key=${key}${kind === 'a long renewal' ? '&renew=1' : ''}`)
    await until(() => gates.length > before, 'the long request')
    person.running.push({ ...one, answer, open: gates[before]! })
  }

  async function finish (person: Person): Promise<void> {
    const one = person.running.shift()
    if (one === undefined) return
    const { of, known } = one
    if (isSetBack && of === person.session) compare(person.browsers[0], of)
    // What the request must find is decided by what was so before it went on.
    const over = known && (of!.ended || isOver(of!, clock.now()))
    one.open()
    const page = await one.answer
    expect(page.statusCode, 200, one.kind)
    if (one.kind === 'a slow body') finishSlow(one, over, page)
    else {
      expect(page.json().userId, known ? 'ada' : null, 'a long request keeps what it found')
      if (!known) return
      if (of!.ended) counts.endedUnderWay++
      else if (of!.lastActivity > one.began!.lastActivity) counts.overtaken++
      if (one.kind === 'a long renewal') finishRenewal(person, one, over, page)
      else finishLong(one, over)
    }
    if (known && of!.ended && !mayBeUnseen(one)) expect(page.setCookies.find(line => line.startsWith(`sessionId=${one.cookie}`)), undefined, 'no response revives an ended session')
    if (of === person.session) compare(person.browsers[0], person.session)
  }

  /** Within a second an end in the other process may go unseen: it opens nothing. */
  function mayBeUnseen ({ of, on, at }: Running): boolean {
    return of!.ended && of!.endedOn !== on && stores[0] !== stores[1] && clock.now() - at <= second
  }

  function finishSlow (one: Running, over: boolean, page: Page): void {
    const { of, known, on } = one
    const { userId } = page.json()
    if (!known) return expect(userId, null, 'a slow body without a session')
    if (over && !(mayBeUnseen(one) && userId !== null)) {
      expect(userId, null, 'a slow body whose session has ended')
      counts.slowTooLate++
    }
    if (!over) expect(userId, 'ada', 'a slow body whose session is live')
    if (over) end(of!, on)
  }

  function finishRenewal (person: Person, { of, on, browser }: Running, over: boolean, page: Page): void {
    expect(page.json().now, over ? null : 'ada', 'whose session the successor is')
    if (over) counts.renewedTooLate++
    end(of!, on)
    const cookie = browser.cookie('sessionId')
    if (over || cookie === undefined) return
    const successor = begin(clock.now())
    replays.push({ cookie, of: successor })
    if (person.session !== of) return
    person.browsers[0].setCookie('sessionId', cookie)
    person.session = successor
  }

  function finishLong ({ of, began, key, cookie }: Running, over: boolean): void {
    if (of!.ended) return
    const stored = peek(idOf(cookie!))
    if (over) {
      // Past its deadline, found by nobody: whether the save is written is the same to everybody.
      if (stored === undefined) of!.ended = true
      else Object.assign(of!, stored.sessionTimeout, { data: itemsOf(stored) })
      return
    }
    // The host writes a session as a whole: as the request loaded it, with what the request put in.
    of!.data = { ...began!.data, [key]: itemsOf(stored ?? {})[key] }
    // After the clock was set back, its own request's instants may be the newer ones; whether they were clamped
    // meanwhile is known in the process that did it.
    const record = stored!.sessionTimeout as ModelSession
    for (const instant of ['startedAt', 'lastActivity'] as const) {
      const newer = Math.min(Math.max(of![instant], began![instant]), clock.now())
      if (record[instant] === newer) of![instant] = newer
    }
    clamp(of!, clock.now())
  }

  function compare (browser: Browser, of: ModelSession | undefined): void {
    const cookie = browser.cookie('sessionId')
    if (of === undefined || of.ended || cookie === undefined) return
    const stored = peek(idOf(cookie))
    expect(stored !== undefined, true, 'a live session is in the store')
    const { startedAt, lastActivity } = stored!.sessionTimeout as ModelSession
    if (isSetBack) {
      clamp(of, clock.now())
      const found = { startedAt: Math.min(startedAt, clock.now()), lastActivity: Math.min(lastActivity, clock.now()) }
      for (const instant of ['startedAt', 'lastActivity'] as const) expect(found[instant] >= of[instant], true, `${instant}, after a jump`)
      Object.assign(of, found)
    } else expect({ startedAt, lastActivity }, { startedAt: of.startedAt, lastActivity: of.lastActivity }, 'the record')
    const items = itemsOf(stored!)
    counts.lostUpdates += Object.keys(of.data).filter(key => items[key] === undefined).length
    expect(Object.keys(items).toSorted(), Object.keys(of.data).toSorted(), 'what requests saved')
  }

  function dataOf (browser: Browser): Record<string, unknown> {
    return itemsOf(peek(idOf(browser.cookie('sessionId')!)) ?? {})
  }

  function nextKey (): string {
    return `item${keys++}`
  }
}

function itemsOf (stored: { [key: string]: unknown }): Record<string, unknown> {
  return Object.fromEntries(Object.entries(stored).filter(([key]) => key.startsWith('item')))
}

function idOf (cookie: string): string {
  return decodeURIComponent(cookie).split('.')[0]!
}

function expect (found: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
}
