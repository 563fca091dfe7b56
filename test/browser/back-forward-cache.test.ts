import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite, isHeard } from '../helpers/site.js'

const browser = await launchChromium(t, { backForwardCache: true })
if (browser) {
  const dialog = '.session-timeout'

  for (const signedOut of [true, false]) {
    t.test(`back to a page of a session that ${signedOut ? 'was signed out' : 'lives'}, as the browser kept it`, async t => {
      const site = await buildSite(t, { idleTimeout: '30m', afterTimeout: 'unauthorized' })
      const context = await newProfile(t, browser, [])
      const page = await site.enter(context, '/cached-page')
      await page.waitForTimeout(500)
      await page.evaluate(() => {
        const seen: boolean[] = []
        Object.assign(window, { seen })
        // After every listener of the client, before anything is painted.
        window.addEventListener('pageshow', () => { seen.push(getComputedStyle(document.body).visibility === 'hidden') })
      })
      await page.click('text=Elsewhere')
      await page.waitForURL(/login/)
      if (signedOut) await context.request.post(`${site.url}/sign-out`)
      await page.goBack({ waitUntil: 'commit' })
      await page.waitForFunction(() => 'seen' in window)
      t.same(await page.evaluate(() => (window as unknown as { seen: boolean[] }).seen), [true], 'covered at once')
      if (signedOut) {
        await page.waitForSelector(`${dialog} >> text=You are signed out`)
        t.notOk(await page.isVisible('#secret'))
      } else {
        await page.waitForSelector(dialog, { state: 'detached' })
        t.ok(await page.isVisible('#secret'))
      }
    })
  }

  for (const next of ['nobody', 'eve']) {
    t.test(`of a page that the browser kept not one frame is painted once a page with the client has met ${next}`, async t => {
      const site = await buildSite(t, { user: session => session.userId, idleTimeout: '30m', afterTimeout: 'unauthorized' })
      const context = await newProfile(t, browser, [])
      const page = await site.enter(context, '/cached-page')
      await isHeard(page)
      await page.evaluate(() => { Object.assign(window, { kept: true }) })
      await context.request.post(`${site.url}/sign-out`)
      if (next === 'eve') await context.request.post(`${site.url}/sign-in?user=eve`)
      const asked = page.waitForResponse(response => response.url().includes('/session-timeout?') || response.url().endsWith('/session-timeout'))
      await page.goto(`${site.url}/cached-page?next`)
      await asked
      await page.waitForTimeout(500)
      await page.goBack()
      t.equal(await page.evaluate(() => 'kept' in window), false, 'it is loaded anew')
    })
  }
}
