import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { digestOf } from '../../lib/session/sessions.js'
import { buildApp, signedIn, type TestApp } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock, type FakeClock } from '../helpers/clock.js'
import { Air, MemoryBus, type BusFault } from '../helpers/end-bus.js'
import { FaultyStore, SharedStore } from '../helpers/stores.js'
import { hour, minute, second } from '../helpers/time.js'

/** One process: its own store object and its own bus, over what all share. */
interface Process extends TestApp {
  store: FaultyStore
  bus: MemoryBus
  signals: AbortSignal[]
  /** Opens a connection with that browser's session. */
  open (browser: Browser): Promise<AbortSignal>
  /** The same browser at this process. */
  browser (browser: Browser): Browser
}

interface Scene {
  clock: FakeClock
  air: Air
  data: Map<string, string>
  here: Process
  there: Process
  /** Signed in, at `there`. */
  user: Browser
  id: string
}

interface ProcessOptions {
  data?: Map<string, string>
  air?: Air
  /** False leaves it out. */
  bus?: MemoryBus | false
  store?: FaultyStore
  timeout?: FastifySessionTimeoutOptions
}

async function openProcess (t: Test, options: ProcessOptions): Promise<Process> {
  const bus = options.bus || new MemoryBus(options.air ?? new Air())
  const endBus = options.bus === false ? {} : { endBus: bus }
  const store = options.store ?? new FaultyStore(new SharedStore(options.data))
  const signals: AbortSignal[] = []
  const { app, logs } = await buildApp(t, {
    session: { store },
    timeout: { idleTimeout: 4 * hour, touchInterval: 0, appliesTo: signedIn, ...endBus, ...options.timeout },
    routes: app => {
      app.get('/stream', { config: { sessionTimeout: { countsAsActivity: false } } }, (request, reply) => {
        const { signal } = request.sessionTimeout
        signals.push(signal)
        if (signal.aborted) reply.send('over')
        else signal.addEventListener('abort', () => { reply.send('over') })
      })
      app.post('/raise', async request => { await request.session.regenerate() })
      app.post('/leave', async request => { delete request.session.userId })
    }
  })
  return { app, logs, store, bus, signals, open, browser }

  async function open (visitor: Browser): Promise<AbortSignal> {
    const count = signals.length
    browser(visitor).get('/stream').catch(() => {})
    await settle(() => signals.length > count)
    return signals[count]!
  }

  function browser (visitor: Browser): Browser {
    const own = createBrowser(app)
    own.setCookie('sessionId', visitor.cookie('sessionId')!)
    return own
  }
}

async function setScene (t: Test, options: { here?: ProcessOptions, there?: ProcessOptions } = {}): Promise<Scene> {
  const clock = fakeClock(t, { timers: true })
  const air = new Air()
  const data = new Map<string, string>()
  const here = await openProcess(t, { air, data, ...options.here })
  const there = await openProcess(t, { air, data, ...options.there })
  const user = createBrowser(there.app)
  const id = await signIn(user)
  return { clock, air, data, here, there, user, id }
}

async function signIn (browser: Browser): Promise<string> {
  await browser.post('/sign-in')
  return (await browser.get('/me')).json().sessionId
}

/** Lets what is real catch up with the clock, which is not. */
async function settle (until = (): boolean => false): Promise<void> {
  for (let turns = 0; turns < 100 && !until(); turns++) await turn()
}

/** Lets time pass in steps that a store answers between. */
async function pass (clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10 * second) {
    await clock.run(Math.min(10 * second, ms - passed))
    await settle(() => true)
  }
}

function complaints ({ logs }: TestApp): string[] {
  return logs.filter(({ level }) => level >= 40).map(({ msg }) => msg)
}

function later (what: 'publish' | 'subscribe'): string {
  return `endBus failed to ${what}: ends in other processes are noticed when the store is next asked`
}

const ends: Record<string, (scene: Scene) => unknown> = {
  'a sign-out': ({ user }) => user.post('/sign-out'),
  'regenerate()': ({ user }) => user.post('/raise'),
  'app.sessionTimeout.end()': ({ there, id }) => there.app.sessionTimeout.end(id),
  'taking the user out of the session': ({ user }) => user.post('/leave')
}
for (const [name, end] of Object.entries(ends)) {
  t.test(`${name} in another process closes connections at once`, async t => {
    const scene = await setScene(t)
    const signal = await scene.here.open(scene.user)
    const again = await scene.here.open(scene.user)
    t.notOk(signal.aborted)
    await end(scene)
    await scene.clock.run(1)
    await settle(() => again.aborted)
    t.match(signal.reason, { code: 'FST_SESSION_TIMEOUT_ENDED', reason: 'missing' })
    t.ok(again.aborted)
    t.strictSame([complaints(scene.here), complaints(scene.there)], [[], []])
  })
}

t.test('a timeout that another process finds by a stricter limit closes connections at once', async t => {
  const { clock, here, user, there } = await setScene(t, { there: { timeout: { idleTimeout: '10m' } } })
  const signal = await here.open(user)
  await pass(clock, 10 * minute)
  t.notOk(signal.aborted)
  t.equal((await user.get('/me')).json().ended, 'idle')
  await clock.run(1)
  await settle(() => signal.aborted)
  t.ok(signal.aborted)
  t.equal(there.logs.filter(({ msg }) => msg === 'session timed out').length, 1)
  t.equal(here.logs.filter(({ msg }) => msg === 'session timed out').length, 0, 'that is the other process\'s to say')
})

t.test('a message is a digest, sent once for each end, and never for sessions that were not stored', async t => {
  const { air, there, user, id } = await setScene(t)
  t.strictSame(air.said, [], 'signing in ends nothing that was stored')
  await createBrowser(there.app).get('/me')
  await user.post('/sign-out')
  t.equal(air.said.length, 1)
  t.match(air.said[0], /^[\w-]{32}$/)
  t.not(air.said[0], id)
  await user.post('/sign-out')
  t.equal(await there.app.sessionTimeout.end(id), false)
  t.equal(air.said.length, 1)
})

t.test('an end that the store refused is not told', async t => {
  const { air, there, user } = await setScene(t)
  there.store.always.destroy = 'error'
  t.equal((await user.post('/sign-out')).statusCode, 500)
  t.strictSame(air.said, [])
})

t.test('a message about a session is checked with the store, and not believed', async t => {
  const { clock, here, user, id } = await setScene(t)
  const signal = await here.open(user)
  const other = await signIn(createBrowser(here.app))
  here.store.counts.get = 0
  const strange = { toString: () => { throw new Error('forged') } }
  for (const message of [digestOf(other), id, 'forged', '', undefined, strange]) here.bus.hear(message)
  await clock.run(second)
  await settle()
  t.equal(here.store.counts.get, 0, 'nobody is connected whom it could concern')

  for (let time = 0; time < 100; time++) here.bus.hear(digestOf(id))
  await clock.run(second)
  await settle()
  t.equal(here.store.counts.get, 1, 'a hundred at once are one look-up')
  t.notOk(signal.aborted, 'the store knows the session as live')
})

t.test('a message during a look-up causes another look-up after it', async t => {
  const { clock, here, user, id } = await setScene(t)
  const signal = await here.open(user)
  here.store.counts.get = 0
  here.store.plan.get.push('hang')
  here.bus.hear(digestOf(id))
  await clock.run(1)
  t.equal(here.store.held, 1)
  here.bus.hear(digestOf(id))
  await clock.run(100)
  t.equal(here.store.counts.get, 1, 'one after the other')
  here.store.release()
  await settle()
  await clock.run(1)
  await settle()
  t.equal(here.store.counts.get, 2)
  t.notOk(signal.aborted)
})

t.test('a store that does not answer is asked once a second, however much is heard', async t => {
  const { clock, here, user, id } = await setScene(t)
  const signal = await here.open(user)
  here.store.counts.get = 0
  here.store.always.get = 'hang'
  for (let tenths = 0; tenths < 50; tenths++) {
    here.bus.hear(digestOf(id))
    await clock.run(100)
  }
  t.ok(here.store.counts.get <= 6, `${here.store.counts.get}`)
  t.notOk(signal.aborted)
})

t.test('how often the store is asked for an open connection', async t => {
  await t.test('every 30 s without a bus', async t => {
    const { clock, here, user } = await setScene(t, { here: { bus: false } })
    await here.open(user)
    here.store.counts.get = 0
    await pass(clock, 30 * minute)
    t.equal(here.store.counts.get, 60)
  })

  await t.test('every 30 s with one too: no process can know of another one that tells nothing', async t => {
    const { clock, here, user } = await setScene(t)
    await here.open(user)
    here.store.counts.get = 0
    await pass(clock, 30 * minute)
    t.equal(here.store.counts.get, 60)
  })

  await t.test('and at the deadline', async t => {
    const { clock, here, user } = await setScene(t, { here: { timeout: { idleTimeout: '7m' } } })
    const signal = await here.open(user)
    await pass(clock, 7 * minute - 1)
    t.notOk(signal.aborted)
    await clock.run(1)
    await settle(() => signal.aborted)
    t.match(signal.reason, { reason: 'idle' })
  })

  for (const left of ['a process without a bus', 'a publish that is lost']) {
    await t.test(`so that an end that nobody told, by ${left}, closes it within 30 s, and it is said once`, async t => {
      const { clock, here, there, user } = await setScene(t, left === 'a process without a bus' ? { there: { bus: false } } : {})
      there.bus.publishing = 'hang'
      for (let time = 0; time < 2; time++) {
        const signal = await here.open(user)
        await pass(clock, 20 * second)
        t.equal((await user.post('/sign-out')).statusCode, 200)
        await pass(clock, 30 * second)
        t.ok(signal.aborted, left)
        await signIn(user)
      }
      t.strictSame(complaints(here), ['endBus was not told of an end in another process: every process on this store needs the same endBus, and has to be able to publish'])
    })
  }
})

t.test('a bus that takes messages and delivers none, as LISTEN through a pooler does, is warned about, once each time that it begins', async t => {
  const { clock, here, there, user } = await setScene(t)
  await pass(clock, minute)
  t.strictSame(complaints(here), [], 'while it works, nothing is said')
  here.bus.deaf = true
  await pass(clock, minute)
  const deaf = 'endBus does not deliver: this process publishes and hears nothing of it; ends in other processes are noticed when the store is next asked. A pooler in transaction mode cannot LISTEN'
  t.strictSame(complaints(here), [deaf])
  const signal = await here.open(user)
  await user.post('/sign-out')
  await pass(clock, 30 * second)
  t.ok(signal.aborted)
  here.bus.deaf = false
  await pass(clock, minute)
  here.bus.deaf = true
  await pass(clock, minute)
  t.strictSame(complaints(here), [deaf, deaf])
  t.strictSame(complaints(there), [])
})

t.test('a bus that may have lost messages has every session looked up, within 5 s', async t => {
  const { clock, here, there, user } = await setScene(t)
  const users = await Promise.all(Array.from({ length: 20 }, async () => {
    const browser = createBrowser(there.app)
    await signIn(browser)
    return browser
  }))
  for (const browser of [user, ...users]) await here.open(browser)
  await pass(clock, minute)
  here.store.counts.get = 0
  here.bus.miss()
  await clock.run(500)
  await settle()
  t.ok(here.store.counts.get < 15, 'not all at once')
  await pass(clock, 5 * second)
  t.equal(here.store.counts.get, 21)
})

t.test('a bus that cannot be published to', async t => {
  for (const fault of ['throw', 'reject', 'hang'] satisfies BusFault[]) {
    await t.test(`since it does ${fault}: ends work, and it is said once`, async t => {
      const { there, user, data, air } = await setScene(t)
      there.bus.publishing = fault
      for (let time = 0; time < 3; time++) {
        t.equal((await user.post('/sign-out')).statusCode, 200)
        await signIn(user)
      }
      t.strictSame(complaints(there), fault === 'hang' ? [] : [later('publish')])
      if (fault !== 'hang') {
        const { err } = there.logs.find(({ level }) => level === 40)!
        t.strictSame(err, { type: 'Error', name: 'Error', message: 'no publish', code: 'EBUS', stack: '' }, 'without the command, which has a secret')
      }
      there.bus.publishing = 'ok'
      await user.post('/sign-out')
      await signIn(user)
      t.equal(air.said.length, 1)
      there.bus.publishing = 'throw'
      await user.post('/sign-out')
      t.strictSame(complaints(there), fault === 'hang' ? [later('publish')] : [later('publish'), later('publish')], 'once each time that it begins')
      t.equal([...data.values()].filter(json => json.includes('userId')).length, 0)
    })
  }

  await t.test('is said at the latest with the first thing that the process tells itself', async t => {
    const { clock, here } = await setScene(t)
    here.bus.publishing = 'reject'
    await pass(clock, 10 * second)
    t.strictSame(complaints(here), [later('publish')])
    await pass(clock, 5 * minute)
    t.strictSame(complaints(here), [later('publish')])
  })
})

t.test('a bus that fails with something that is no error is logged with what it says', async t => {
  fakeClock(t)
  for (const [fault, message] of [['gone', 'gone'], [{ code: 7 }, '[object Object]']] as const) {
    const { app, logs } = await buildApp(t, {
      timeout: { endBus: { publish () {}, subscribe () { throw fault } } }
    })
    await app.ready()
    await turn()
    const line = logs.find(({ msg }) => msg === later('subscribe'))
    t.match(line?.err, { name: 'Error', message }, message)
  }
})

t.test('a bus that cannot be subscribed to is tried again, and not relied on until then', async t => {
  for (const fault of ['throw', 'reject', 'hang'] satisfies BusFault[]) {
    await t.test(`since it does ${fault}`, async t => {
      const clock = fakeClock(t, { timers: true })
      const air = new Air()
      const bus = new MemoryBus(air)
      bus.subscribing = fault
      const data = new Map<string, string>()
      const here = await openProcess(t, { data, bus })
      const there = await openProcess(t, { data, air })
      const user = createBrowser(there.app)
      await signIn(user)
      const signal = await here.open(user)
      await pass(clock, 5 * minute)
      t.equal(bus.counts.subscribe, fault === 'hang' ? 1 : 11)
      t.strictSame(complaints(here), fault === 'hang' ? [] : [later('subscribe')])
      here.store.counts.get = 0
      await pass(clock, 5 * minute)
      t.equal(here.store.counts.get, 10)
      await user.post('/sign-out')
      bus.subscribing = 'ok'
      bus.release()
      // What was told while nobody listened is looked for as soon as somebody does.
      await pass(clock, fault === 'hang' ? 5 * second : 35 * second)
      await settle(() => signal.aborted)
      t.ok(signal.aborted)
      const { length } = complaints(here)
      await pass(clock, 10 * minute)
      t.equal(complaints(here).length, length)
      t.equal(bus.counts.subscribe, fault === 'hang' ? 1 : 21 + 1)
    })
  }
})

t.test('closing', async t => {
  await t.test('stops listening', async t => {
    const { clock, air, here } = await setScene(t)
    t.equal(air.buses.size, 2)
    await here.app.close()
    t.equal(air.buses.size, 1)
    t.strictSame(here.bus.counts, { publish: 0, subscribe: 1, stop: 1 })
    await pass(clock, minute)
    t.equal(here.bus.counts.subscribe, 1)
  })

  await t.test('stops telling, whatever comes after', async t => {
    const bus = new MemoryBus(new Air())
    const { app, store } = await openProcess(t, { bus })
    const id = await signIn(createBrowser(app))
    await app.close()
    const late = await openProcess(t, { data: (store.inner as SharedStore).data, bus })
    await late.app.close()
    t.equal(await late.app.sessionTimeout.end(id), true)
    t.equal(bus.counts.publish, 0)
  })

  await t.test('before a bus is subscribed to stops it then', async t => {
    const bus = new MemoryBus(new Air())
    bus.subscribing = 'hang'
    const { app, logs, signals } = await openProcess(t, { bus })
    await app.close()
    t.equal(bus.counts.stop, 0)
    bus.release()
    await settle(() => bus.counts.stop > 0)
    t.equal(bus.counts.stop, 1)
    t.strictSame([complaints({ app, logs }), signals], [[], []])
  })

  await t.test('while a bus is to be tried again forgets it', async t => {
    const clock = fakeClock(t, { timers: true })
    const bus = new MemoryBus(new Air())
    bus.subscribing = 'reject'
    const { app } = await openProcess(t, { bus })
    await settle()
    await app.close()
    await pass(clock, 5 * minute)
    t.equal(bus.counts.subscribe, 1)
  })

  await t.test('while a subscription fails does not try again', async t => {
    const clock = fakeClock(t, { timers: true })
    const bus = new MemoryBus(new Air())
    bus.subscribing = 'hang'
    bus.stopping = 'reject'
    const process = await openProcess(t, { bus })
    await process.app.close()
    bus.release()
    await settle()
    await pass(clock, 5 * minute)
    t.equal(bus.counts.subscribe, 1)
    t.strictSame(complaints(process), [later('subscribe')])
  })

  for (const fault of ['throw', 'reject'] satisfies BusFault[]) {
    await t.test(`works with a bus that does ${fault} then`, async t => {
      const { here } = await setScene(t)
      here.bus.stopping = fault
      await here.app.close()
      t.strictSame(complaints(here), [later('subscribe')])
    })
  }
})

t.test('several registrations share one subscription to their bus', async t => {
  await t.test('is subscribed to once, until the last of them closes', async t => {
    const { clock, here, user, there, air, data } = await setScene(t)
    const beside = await openProcess(t, { bus: here.bus, store: here.store, data })
    const elsewhere = await openProcess(t, { bus: here.bus })
    t.equal(here.bus.counts.subscribe, 1)
    const signals = [await here.open(user), await beside.open(user)]
    const visitor = createBrowser(elsewhere.app)
    await signIn(visitor)
    await visitor.post('/sign-out')
    t.equal(air.said.length, 1, 'told once')
    await beside.open(user)
    await user.post('/sign-out')
    await clock.run(1)
    await settle(() => signals.every(({ aborted }) => aborted))
    t.ok(signals.every(({ aborted }) => aborted))
    await here.app.close()
    await elsewhere.app.close()
    t.equal(here.bus.counts.stop, 0)
    await beside.app.close()
    t.equal(here.bus.counts.stop, 1)
    t.strictSame(complaints(there), [])
  })

  await t.test('can be used again after that', async t => {
    const { clock, here, there, user, data } = await setScene(t)
    await here.app.close()
    const again = await openProcess(t, { bus: here.bus, store: here.store, data })
    const signal = await again.open(user)
    await user.post('/sign-out')
    await clock.run(1)
    await settle(() => signal.aborted)
    t.ok(signal.aborted)
    t.strictSame(here.bus.counts, { publish: 0, subscribe: 2, stop: 1 })
    t.strictSame(complaints(there), [])
  })
})

t.test('several buses over one store', async t => {
  await t.test('several buses over one store all receive a message', async t => {
    const { here, user, data } = await setScene(t)
    await here.open(user)
    const bus = new MemoryBus(new Air())
    const beside = await openProcess(t, { bus, store: here.store, data })
    const other = createBrowser(beside.app)
    await signIn(other)
    await other.post('/sign-out')
    t.strictSame([here.bus.counts.publish, bus.counts.publish], [1, 1])
  })

  await t.test('one that joins late has what is open looked up', async t => {
    const { clock, here, there, user, data, air } = await setScene(t, { here: { bus: false } })
    const signal = await here.open(user)
    await pass(clock, minute + second)
    await user.post('/sign-out')
    const late = await openProcess(t, { air, store: here.store, data })
    await createBrowser(late.app).post('/sign-in')
    await clock.run(5 * second)
    await settle(() => signal.aborted)
    t.ok(signal.aborted)
    t.strictSame(complaints(there), [])
  })
})

t.test('an end by id before any request has come is told', async t => {
  const { clock, air, data, here, user, id } = await setScene(t)
  const signal = await here.open(user)
  const tool = await openProcess(t, { air, data })
  t.equal(await tool.app.sessionTimeout.end(id), true)
  await clock.run(1)
  await settle(() => signal.aborted)
  t.ok(signal.aborted)
})

t.test('connections that were left cost nothing', async t => {
  const { clock, here, user, id } = await setScene(t)
  const signal = await here.open(user)
  await here.browser(user).post('/sign-out')
  t.ok(signal.aborted)
  here.store.counts.get = 0
  here.bus.hear(digestOf(id))
  here.bus.miss()
  await pass(clock, minute - second)
  t.equal(here.store.counts.get, 0)
  await pass(clock, 10 * minute)
  t.equal(here.store.counts.get, 1, 'the look at the mark before it is removed')
})

t.test('a bus is an object with two functions', async t => {
  for (const [endBus, received] of [
    [null, 'null'], ['redis', '"redis"'], [{}, 'an object'], [{ publish () {} }, 'an object'],
    [{ publish () {}, subscribe: 'yes' }, 'an object'], [() => {}, 'function (anonymous)']
  ] as const) {
    const app = buildApp(t, { timeout: { endBus } as unknown as FastifySessionTimeoutOptions })
    await t.rejects(app, {
      code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
      message: `endBus must be an object with the functions publish and subscribe, received ${received}`
    })
  }
})

t.test('a bus may answer at once', async t => {
  let stopped = 0
  const said: string[] = []
  const endBus = {
    publish: (message: string) => message.startsWith('probe-') || said.push(message),
    subscribe: () => () => { stopped++ }
  }
  const { app } = await openProcess(t, { timeout: { endBus } })
  const user = createBrowser(app)
  await signIn(user)
  await user.post('/sign-out')
  t.equal(said.length, 1)
  await app.close()
  t.equal(stopped, 1)
})
