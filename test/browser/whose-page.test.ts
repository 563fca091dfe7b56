import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite, isHeard } from '../helpers/site.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'

  t.test('a page that slept through its session and the sign-in of another user is not shown to that user', async t => {
    const site = await buildSite(t, { idleTimeout: 2000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    // Stands still: no timer, no event, as in a tab that the browser has frozen.
    const cdp = await context.newCDPSession(page)
    await cdp.send('Debugger.enable')
    await cdp.send('Debugger.pause')
    await new Promise(resolve => setTimeout(resolve, 2500))
    await context.request.get(`${site.url}/api`)
    t.same(site.store.sessions(), [], 'the first session has timed out')
    await context.request.post(`${site.url}/sign-in?user=eve`)
    const kept = setInterval(() => context.request.get(`${site.url}/api`).catch(() => {}), 300)
    t.teardown(() => clearInterval(kept))
    await cdp.send('Debugger.disable')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
    t.equal(site.store.sessions().length, 1, 'the session of the other user lives')
    // A page of that user, who chooses to go on.
    await page.click('text=Sign in again')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('the same, when a call of the sleeping page is answered before its own timers run', async t => {
    const site = await buildSite(t, { idleTimeout: 4000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    await page.evaluate(() => {
      // The clocks stand still for the timers of the page, not for the page itself.
      window.setTimeout = (() => 0) as never
    })
    // Sets the last timer anew: it will never fire.
    await page.evaluate(() => { window.dispatchEvent(new Event('focus')) })
    await page.waitForTimeout(4200)
    await context.request.get(`${site.url}/api`)
    await context.request.post(`${site.url}/sign-in?user=eve`)
    t.ok(await page.isVisible('#secret'), 'the page has noticed nothing yet')
    await page.evaluate(async () => { await (await fetch('/api')).text() })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
  })

  t.test('a page that exchanges its session itself goes on', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 2500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=Stay signed in`)
    for (const path of ['/raise', '/raise-and-go']) {
      await page.evaluate(async path => { await (await fetch(path, { method: 'POST' })).text() }, path)
      await page.waitForSelector(dialog, { state: 'detached' })
      await page.waitForSelector(`${dialog} >> text=Stay signed in`)
      t.ok(await page.isVisible('#secret'), path)
    }
    await page.keyboard.press('Enter')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('nor does it end when the server answers before the browser has handed the header over', async t => {
    const site = await buildSite(t, { idleTimeout: '30m', afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    await context.addInitScript(() => {
      const Native = PerformanceObserver
      window.PerformanceObserver = class extends Native {
        constructor (callback: PerformanceObserverCallback) {
          super((list, observer) => { setTimeout(() => callback(list, observer), location.hash === '#slow' ? 500 : 0) })
        }
      }
    })
    const page = await site.enter(context)
    await isHeard(page)
    await page.evaluate(async () => {
      location.hash = '#slow'
      await (await fetch('/raise', { method: 'POST' })).text()
      const path = '/session-timeout/client.js'
      const { sessionTimeout } = await import(path)
      await sessionTimeout.extend()
    })
    await page.waitForSelector(dialog)
    t.notOk(await page.isVisible('#secret'), 'in doubt it is covered')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('a session that is only restarted is still that of the page', async t => {
    const site = await buildSite(t, { idleTimeout: '30m', afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    await context.request.post(`${site.url}/restart`)
    await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('on plain http, where browsers keep Server-Timing from scripts, the page asks instead', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    // Chromium hands it over there too.
    await context.addInitScript(() => {
      delete (window as { PerformanceServerTiming?: unknown }).PerformanceServerTiming
      Object.defineProperty(PerformanceResourceTiming.prototype, 'serverTiming', { value: undefined })
    })
    const page = await context.newPage()
    const url = site.url.replace('127.0.0.1', 'intranet.test')
    await page.goto(`${url}/login`)
    t.equal(await page.evaluate(() => isSecureContext), false)
    await page.evaluate(async () => { await (await fetch('/sign-in', { method: 'POST' })).text() })
    await page.goto(`${url}/page`)
    await page.waitForSelector(`${dialog} >> text=Stay signed in`)
    await page.keyboard.press('Enter')
    await page.waitForSelector(dialog, { state: 'detached' })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
  })
}
