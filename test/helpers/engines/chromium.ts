import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { launchChromium, newProfile } from '../chromium.js'
import type { Engine } from './engines.js'
import { createTab, type Tab } from './tab.js'

/** Chromium by playwright, as in the tests that need only one engine. */
export async function launch (t: Test): Promise<Engine | undefined> {
  const browser = await launchChromium(t)
  return browser && {
    name: 'Chromium',
    async open (t) {
      const context = await newProfile(t, browser, [])
      const known = new Set<Page>()
      return {
        newTab: async () => adopt(await context.newPage()),
        async openedTab () {
          const page = context.pages().find(page => !known.has(page))
          return page && adopt(page)
        }
      }

      function adopt (page: Page): Tab {
        known.add(page)
        return createTab({
          goto: async url => { await page.goto(url) },
          run: expression => page.evaluate<string>(expression),
          press: async (...keys) => { for (const key of keys) await page.keyboard.press(key) },
          clickAt: (x, y) => page.mouse.click(x, y),
          bringToFront: () => page.bringToFront(),
          screenshot: () => page.screenshot(),
          close: () => page.close()
        })
      }
    }
  }
}
