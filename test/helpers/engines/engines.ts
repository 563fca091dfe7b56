import type { Test } from 'tap'
import { launch as launchChromium } from './chromium.js'
import { launch as launchFirefox } from './firefox.js'
import type { Tab } from './tab.js'
import { launch as launchWebKit } from './webkit.js'

export type { Tab } from './tab.js'

/** A browser that runs, with as many profiles as there are stories. */
export interface Engine {
  readonly name: 'Chromium' | 'Firefox' | 'WebKit'
  /** A profile with cookies of its own, gone at the end of the test. */
  open (t: Test): Promise<Profile>
}

export interface Profile {
  newTab (): Promise<Tab>
  /** A tab that a page has opened and that was not asked for before. */
  openedTab (): Promise<Tab | undefined>
}

type Story = (t: Test, profile: Profile, engine: Engine['name']) => Promise<void>

/** Launches whatever of the three engines is here; each that is not is said aloud, or a failure under CI. */
export async function launchEngines (t: Test): Promise<(title: string, story: Story) => void> {
  const engines = (await Promise.all([launchChromium(t), launchFirefox(t), launchWebKit(t)])).filter(engine => engine !== undefined)
  // Everything at once, but one story at a time in each engine: which of its windows has the focus matters.
  t.jobs = Infinity
  const turns = new Map<Engine, Promise<unknown>>()
  return (title, story) => {
    for (const engine of engines) {
      const turn = turns.get(engine)
      turns.set(engine, t.test(`${engine.name}: ${title}`, { buffered: true }, async t => {
        await turn
        await story(t, await engine.open(t), engine.name)
      }))
    }
  }
}
