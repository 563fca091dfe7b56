import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'

  t.test('whoever types when the absolute limit comes near neither signs out nor closes anything', async t => {
    const site = await buildSite(t, { idleTimeout: false, absoluteTimeout: 9000, warnBefore: 8000 })
    const context = await newProfile(t, browser, [])
    for (let i = 0; i < 8; i++) {
      const page = await site.enter(context)
      await page.focus('#note')
      await typeThrough(page)
      t.equal(await page.getAttribute(dialog, 'data-view'), 'limit', 'the warning is there')
      t.equal(site.calls.filter(({ method }) => method === 'DELETE').length, 0, 'and no key has signed out')
      await page.close()
    }
  })

  t.test('nor does typing press a button of the idle warning', async t => {
    const site = await buildSite(t, { idleTimeout: 9000, warnBefore: 8000 })
    const context = await newProfile(t, browser, [])
    for (let i = 0; i < 8; i++) {
      const page = await site.enter(context, '/login')
      // Without reports of activity the warning opens in the middle of a word.
      await page.evaluate(async () => {
        const path = '/module.js'
        const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
        startSessionTimeout({ endpoint: '/session-timeout', activity: false })
      })
      await typeThrough(page)
      t.equal(await page.getAttribute(dialog, 'data-view'), 'stay', 'the warning is there')
      t.same(site.calls.filter(({ method }) => method !== 'GET'), [])
      await page.close()
    }
  })

  t.test('Esc closes the warning of the absolute limit, and a second without keys is enough for Enter to stay', async t => {
    const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 18_000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Space')
    await page.waitForTimeout(300)
    t.ok(await page.isVisible(dialog))
    await page.waitForTimeout(1100)
    await page.keyboard.press('Enter')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.equal(site.calls.filter(({ method }) => method === 'POST').length, 1)
  })

  t.test('with the keyboard alone: Tab to a button, then Enter', async t => {
    const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 18_000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    await page.waitForTimeout(1200)
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate(() => document.activeElement?.textContent), 'Stay signed in')
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate(() => document.activeElement?.textContent), 'Sign out now')
    await page.keyboard.press('Enter')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
  })

  t.test('what is read of each dialog', async t => {
    const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 18_000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    t.match(await page.locator(dialog).ariaSnapshot(), /^- alertdialog "Your session ends soon"[^:]*:\n {2}- heading "Your session ends soon" \[level=2\]\n {2}- status: For your security, you will be signed out in \d+ seconds\.\n {2}- button "Stay signed in"\n {2}- button "Sign out now"$/)
    await page.click('text=Sign out now')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.match(await page.locator(dialog).ariaSnapshot(), /^- alertdialog "You are signed out"[^:]*:\n {2}- heading "You are signed out" \[level=2\]\n {2}- status: You have signed out\. For your security, this page is not shown\.\n {2}- button "Sign in again"$/)
  })

  /** Ten keys a second, words and lines and Tab, until a while after the dialog has opened. */
  async function typeThrough (page: Page): Promise<void> {
    const keys = ['a', 'Space', 'b', 'Enter', 'c', 'Tab', 'Space', 'd', 'Enter']
    for (let after = 0, at = 0; after < 20; at++) {
      await page.keyboard.press(keys[at % keys.length]!)
      await page.waitForTimeout(90)
      if (after > 0 || await page.isVisible(dialog)) after++
    }
  }
}
