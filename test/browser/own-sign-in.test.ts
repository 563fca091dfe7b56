import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'
import { isCovered } from './covered.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'
  const user = (session: { userId?: string }): string | undefined => session.userId

  t.test('an application of one page may show its own sign-in over the covered page, and its user gets the page back', async t => {
    const site = await buildSite(t, { user, idleTimeout: 3000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(showSignIn)
    await page.waitForSelector('#name')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.notOk(await isSeen(page, '#secret'), 'nothing of the page')
    t.notOk(await isSeen(page, '#note'))
    t.ok(await isSeen(page, '#name'), 'but its sign-in')
    t.equal(await page.evaluate(() => getComputedStyle(document.querySelector('main')!).visibility), 'hidden', 'not what is around it')
    await page.click('#name')
    await page.keyboard.type('ada')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#secret')
    await page.waitForSelector('#name', { state: 'detached' })
    t.ok(await isSeen(page, '#secret'))
    t.equal(await page.inputValue('#note'), 'half a letter')
    t.same(await page.evaluate(() => getComputedStyle(document.querySelector('main')!).visibility), 'visible')
  })

  t.test('another user who signs in there does not get to see the page', async t => {
    const site = await buildSite(t, { user, idleTimeout: 3000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(showSignIn)
    await page.waitForSelector('#name')
    await page.evaluate(() => {
      Object.assign(window, { seen: 0 })
      requestAnimationFrame(function look () {
        const secret = document.querySelector('#secret')!
        if (secret.checkVisibility({ visibilityProperty: true, opacityProperty: true })) Object.assign(window, { seen: (window as unknown as { seen: number }).seen + 1 })
        requestAnimationFrame(look)
      })
    })
    await page.fill('#name', 'eve')
    await page.press('#name', 'Enter')
    await page.waitForFunction(() => 'signedIn' in window)
    await page.waitForTimeout(1500)
    t.notOk(await isSeen(page, '#secret'))
    await page.evaluate(() => { document.querySelector('[data-session-timeout-show]')!.remove() })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.equal(await page.evaluate(() => (window as unknown as { seen: number }).seen), 0)
  })

  t.test('in a browser without :has() the notice stays, since the sign-in could not be seen', async t => {
    const site = await buildSite(t, { user, idleTimeout: 3000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    await context.addInitScript(() => {
      const { supports } = CSS
      CSS.supports = (...condition: string[]) => !condition.join().includes(':has') && supports.apply(CSS, condition as [string])
    })
    const page = await site.enter(context)
    await page.evaluate(showSignIn)
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    await isCovered(page)
    t.ok(await page.isVisible(`${dialog} >> text=Sign in again`))
  })
}

/** In the page: what an application does that signs in by fetch. The form comes a while after the end, as a component does. */
function showSignIn (): void {
  document.querySelector<HTMLTextAreaElement>('#note')!.value = 'half a letter'
  document.addEventListener('sessionended', () => setTimeout(() => {
    const form = document.createElement('form')
    form.dataset.sessionTimeoutShow = ''
    form.append(Object.assign(document.createElement('input'), { id: 'name' }))
    document.querySelector('main')!.append(form)
    form.addEventListener('submit', async event => {
      event.preventDefault()
      const { value } = form.querySelector('input')!
      await fetch(`/sign-in?user=${value}`, { method: 'POST' })
      await (await fetch('/api')).text()
      Object.assign(window, { signedIn: true })
    })
  }, 300))
  document.addEventListener('sessionresumed', () => document.querySelector('[data-session-timeout-show]')!.remove())
}

/** Whether a user can see it; playwright's isVisible() does not look at opacity. */
async function isSeen (page: Page, selector: string): Promise<boolean> {
  return page.locator(selector).evaluate(element => {
    const { x, y, width, height } = element.getBoundingClientRect()
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.contains(document.elementFromPoint(x + width / 2, y + height / 2))
  })
}
