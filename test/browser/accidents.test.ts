import type { Page } from 'playwright-core'
import t from 'tap'
import type { SessionTimeoutClient } from '../../client/index.js'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'
import { choose } from './choose.js'

/** A hundred take minutes: TYPING_TRIES=100. */
const wanted = Number(process.env.TYPING_TRIES ?? 25)

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'
  const keys = ['a', 'Space', 'b', 'Enter', 'c', 'Tab', 'Space', 'd', 'Enter']

  const absolute = { idleTimeout: false, absoluteTimeout: 60_000, warnBefore: 59_000 } as const
  const idle = { idleTimeout: 60_000, warnBefore: 59_000 }
  for (const [view, limits] of [['limit', absolute], ['stay', idle], ['ended', idle]] as const) {
    t.test(`whoever types while the dialog opens presses nothing in it, in ${wanted} of ${wanted} tries: ${view}`, async t => {
      // Who signs in again in the page is the same user, and gets it back.
      const site = await buildSite(t, { user: session => session.userId, ...limits })
      let tries = 0
      let tooSlow = 0
      await Promise.all(Array.from({ length: 4 }, async () => {
        const context = await newProfile(t, browser, [])
        let page = await enter()
        while (tries < wanted && tooSlow < 100) {
          await page.evaluate(startAnew, view === 'ended')
          for (let i = 0; i < 25; i++) {
            const next = page.waitForTimeout(95)
            await page.keyboard.press(keys[i % keys.length]!)
            await next
          }
          const typed = await page.evaluate(() => (window as unknown as { typing?: Typing }).typing).catch(() => undefined)
          // After a second without keys a button counts, and may have led away.
          if (typed === undefined) {
            tooSlow++
            await page.close()
            page = await enter()
            continue
          }
          const { longestPause, sent } = typed
          const found = await page.evaluate(() => document.querySelector<HTMLElement>('.session-timeout')?.dataset.view)
          // A second without keys is enough to have seen the question: that was no typing.
          if (longestPause > 950) tooSlow++
          else {
            tries++
            if (found !== view || sent.join() !== (view === 'ended' ? 'DELETE' : '')) t.fail(`${found} instead of ${view}, and sent: ${sent.join()}`)
          }
        }

        async function enter (): Promise<Page> {
          const entered = await site.enter(context, '/login')
          await entered.evaluate(watchKeys)
          return entered
        }
      }))
      t.ok(tries >= wanted, `${tries} tries, and ${tooSlow} in which the machine was too slow to type`)
    })
  }

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
    await choose(page, 'Sign out now')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.match(await page.locator(dialog).ariaSnapshot(), /^- alertdialog "You are signed out"[^:]*:\n {2}- heading "You are signed out" \[level=2\]\n {2}- status: You have signed out\. For your security, this page is not shown\.\n {2}- button "Sign in again"$/)
  })
}

/** In the page: the longest time between two keys, and what was sent but questions. */
interface Typing {
  longestPause: number
  sent: string[]
}

function watchKeys (): void {
  let last: number | undefined
  const typing: Typing = { longestPause: 0, sent: [] }
  Object.assign(window, { typing, restart: () => Object.assign(typing, { longestPause: 0, sent: [] }) && (last = undefined) })
  window.addEventListener('keydown', ({ timeStamp }) => {
    typing.longestPause = Math.max(typing.longestPause, timeStamp - (last ?? timeStamp))
    last = timeStamp
  }, true)
  const { fetch } = window
  window.fetch = (url, init) => {
    if (init?.method && init.method !== 'GET') typing.sent.push(init.method)
    return fetch(url, init)
  }
  document.body.append(document.createElement('textarea'))
}

/** In the page: a session that has just begun, whose warning comes in a second, or whose end. Without reports of activity it opens in the middle of a word. */
async function startAnew (ending: boolean): Promise<void> {
  const page = window as unknown as { client?: SessionTimeoutClient, restart: () => void }
  page.client?.stop()
  await fetch('/sign-in', { method: 'POST' })
  const path = '/module.js'
  const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
  page.client = startSessionTimeout({ endpoint: '/session-timeout', activity: false })
  document.querySelector('textarea')!.focus()
  if (ending) setTimeout(() => page.client!.end(), 1000)
  page.restart()
}
