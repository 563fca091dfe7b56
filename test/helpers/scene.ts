import type { SessionStore } from '@fastify/session'
import type { Test } from 'tap'
import { buildApp, signedIn, type AppOptions, type TestApp } from './app.js'
import { createBrowser, type Browser } from './browser.js'
import { fakeClock, type FakeClock } from './clock.js'
import { JsonStore } from './stores.js'

// Kept before any test fakes them.
const { setImmediate, setTimeout } = globalThis

export interface Scene<Store extends SessionStore = JsonStore> extends TestApp {
  clock: FakeClock
  store: Store
  /** Signed in. */
  browser: Browser
  /** The id of its session. */
  id: string
}

export interface SceneOptions<Store extends SessionStore = JsonStore> extends AppOptions {
  store?: Store
  /** Fakes timers too, not only Date. */
  timers?: boolean
}

/** An application in which only signed-in sessions are timed, and one user who has signed in. */
export async function openScene<Store extends SessionStore = JsonStore> (
  t: Test, { store, timers = false, ...options }: SceneOptions<Store> = {}
): Promise<Scene<Store>> {
  const clock = fakeClock(t, { timers })
  const kept = store ?? new JsonStore() as unknown as Store
  const { app, logs } = await buildApp(t, {
    ...options,
    session: { store: kept, ...options.session },
    timeout: options.timeout === false ? false : { appliesTo: signedIn, ...options.timeout }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  const { sessionId } = (await browser.get('/me')).json()
  return { app, logs, clock, store: kept, browser, id: sessionId }
}

export interface Twin extends TestApp {
  /** The same user's browser, with the same cookie. */
  browser: Browser
}

/** The same application in two processes: each has a store object of its own, over data that both share. */
export async function openTwins (
  t: Test, stores: readonly [SessionStore, SessionStore], options: AppOptions = {}
): Promise<{ here: Twin, there: Twin, id: string, cookie: string }> {
  const [here, there] = await Promise.all(stores.map(store => buildApp(t, {
    ...options,
    session: { store, ...options.session },
    timeout: options.timeout === false ? false : { appliesTo: signedIn, ...options.timeout }
  })))
  const browser = createBrowser(here!.app)
  await browser.post('/sign-in')
  const { sessionId } = (await browser.get('/me')).json()
  const cookie = browser.cookie('sessionId')!
  const other = createBrowser(there!.app)
  other.setCookie('sessionId', cookie)
  return { here: { ...here!, browser }, there: { ...there!, browser: other }, id: sessionId, cookie }
}

/** Lets everything happen that is under way, answers of a {@link JsonStore} included. */
export async function settle (): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setTimeout(resolve, 2))
}

/** Waits for something that must come. @throws when it has not within five seconds */
export async function until (condition: () => boolean, what: string): Promise<void> {
  const start = performance.now()
  while (!condition()) {
    if (performance.now() - start > 5000) throw new Error(`This did not happen: ${what}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}
