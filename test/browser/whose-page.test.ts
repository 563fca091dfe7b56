import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite, isHeard } from '../helpers/site.js'
import { choose } from './choose.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'
  const user = (session: { userId?: string }): string | undefined => session.userId

  t.test('a page that slept through its session and the sign-in of another user is not shown to that user', async t => {
    const site = await buildSite(t, { user, idleTimeout: 2000, warnBefore: 500, afterTimeout: 'unauthorized' })
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
    await choose(page, 'Sign in again')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('the same, when a call of the sleeping page is answered before its own timers run', async t => {
    const site = await buildSite(t, { user, idleTimeout: 4000, warnBefore: 500, afterTimeout: 'unauthorized' })
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
    const site = await buildSite(t, { user, idleTimeout: 6000, warnBefore: 4000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=Stay signed in`)
    for (const path of ['/raise', '/raise-and-go']) {
      await page.evaluate(async path => { await (await fetch(path, { method: 'POST' })).text() }, path)
      await page.waitForSelector(dialog, { state: 'detached' })
      await page.waitForSelector(`${dialog} >> text=Stay signed in`)
      t.ok(await page.isVisible('#secret'), path)
    }
    await page.keyboard.press('Escape')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('nor do the other tabs of its user, nor those of a user who signs in again', async t => {
    const site = await buildSite(t, { user, idleTimeout: '30m', afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    for (const path of ['/raise', '/sign-in?user=ada']) {
      await context.request.post(site.url + path)
      await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
      await page.waitForSelector(dialog, { state: 'detached' })
      t.ok(await page.isVisible('#secret'), path)
    }
  })

  t.test('whose page it is, is known without the header too, from the first answer on', async t => {
    const site = await buildSite(t, { user, idleTimeout: '30m', afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    // As a proxy does that strips it, a shell out of a file, or a service worker that makes its own responses.
    await context.route('**/page', async route => {
      const response = await route.fetch()
      const { 'server-timing': _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    const page = await site.enter(context)
    await isHeard(page)
    t.ok(await page.isVisible('#secret'))
    await context.request.post(`${site.url}/sign-in?user=eve`)
    await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
  })

  t.test('nothing that the page itself loads makes it another user\'s: images, redirects, frames', async t => {
    const site = await buildSite(t, { user, idleTimeout: 4000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [], { bypassCSP: true })
    const page = await site.enter(context)
    await isHeard(page)
    await context.request.post(`${site.url}/sign-out`)
    await context.request.post(`${site.url}/sign-in?user=eve`)
    await page.evaluate(async () => {
      await (await fetch('/raise-and-go', { method: 'POST' })).text()
      document.body.append(Object.assign(new Image(), { src: '/login' }), Object.assign(document.createElement('iframe'), { src: '/login' }))
    })
    const kept = setInterval(() => page.evaluate(async () => { await (await fetch('/api')).text() }).catch(() => {}), 500)
    t.teardown(() => clearInterval(kept))
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
    t.equal(site.store.sessions().length, 1, 'the session of the other user lives')
  })

  t.test('a session that is only restarted is still that of the page', async t => {
    const site = await buildSite(t, { user, idleTimeout: '30m', afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    await context.request.post(`${site.url}/restart`)
    await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await page.isVisible('#secret'))
  })

  t.test('on plain http, where browsers keep Server-Timing from scripts, the page asks instead', async t => {
    const site = await buildSite(t, { user, idleTimeout: 7000, warnBefore: 4500, afterTimeout: 'unauthorized' })
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
    await page.keyboard.press('Escape')
    await page.waitForSelector(dialog, { state: 'detached' })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
  })
}
