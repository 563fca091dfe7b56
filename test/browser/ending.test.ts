import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'
import { choose } from './choose.js'
import { isCovered } from './covered.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'

  t.test('an untouched page is covered at the end, then the sign-in page tells the reason', async t => {
    const complaints: string[] = []
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1000 })
    const context = await newProfile(t, browser, complaints)
    const page = await site.enter(context)
    await page.goto(`${site.url}/page?second`)
    const start = site.record()!.lastActivity
    await page.waitForURL(/login/)
    t.ok(Date.now() - start < 6000, `${Date.now() - start} ms after the last activity`)
    t.match(page.url(), /\/login\?returnTo=%2Fpage%3Fsecond&reason=idle$/)
    t.same(site.store.sessions(), [])
    await page.goBack()
    await page.waitForURL(/login/)
    t.equal(await page.locator('#secret').count(), 0, 'the back button does not show the page again')
    t.same(complaints, [])
  })

  t.test('without a page to go to, the covered page says that the session ended', async t => {
    const site = await buildSite(t, { idleTimeout: 2000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await page.isVisible('#secret'))
    t.same(await page.locator(`${dialog} button`).allTextContents(), ['Sign in again'])
    await page.keyboard.press('Escape')
    t.notOk(await page.isVisible('#secret'), 'Esc uncovers nothing')
  })

  t.test('the page is covered within a second of the end also when the network is cut', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    const start = site.record()!.lastActivity
    await context.setOffline(true)
    await isCovered(page)
    t.ok(Date.now() - start < 4000, `covered ${Date.now() - start} ms after the last activity`)
    t.notOk(await page.isVisible('#secret'))
    await page.waitForTimeout(1000)
    t.notOk(await page.isVisible('#secret'), 'and stays covered')
    await context.setOffline(false)
    await page.waitForURL(/login/)
  })

  t.test('typing in a form for longer than the idle limit keeps the session', async t => {
    const site = await buildSite(t, { idleTimeout: 5000, warnBefore: 2000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.focus('#note')
    for (let i = 0; i < 14; i++) {
      await page.keyboard.type('word ')
      await page.waitForTimeout(500)
    }
    t.equal(await page.locator(dialog).count(), 0)
    t.equal((await page.inputValue('#note')).length, 70)
    t.ok(site.calls.filter(({ method }) => method === 'POST').every(({ body }) => typeof (body as { idleFor: number }).idleFor === 'number'))
    t.ok(site.store.sessions().length === 1, 'the session lives')
  })

  t.test('events that a script makes up do not count', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 500 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(() => { setInterval(() => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true })), 100) })
    await page.waitForURL(/login/, { timeout: 6000 })
  })

  t.test('activity in one tab: no warning in the other', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 3000 })
    const context = await newProfile(t, browser, [])
    const quiet = await site.enter(context)
    const busy = await context.newPage()
    await busy.goto(`${site.url}/page`)
    await busy.focus('#note')
    for (let i = 0; i < 16; i++) {
      await busy.keyboard.type('x')
      await busy.waitForTimeout(500)
      t.equal(await quiet.locator(dialog).count(), 0)
    }
  })

  t.test('sign-out in one tab covers the other within two seconds', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 4000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const other = await site.enter(context)
    const page = await context.newPage()
    await page.goto(`${site.url}/page`)
    await choose(page, 'Sign out now')
    const start = Date.now()
    await isCovered(other)
    t.ok(Date.now() - start < 2000, `${Date.now() - start} ms`)
    await other.waitForSelector(`${dialog} >> text=You are signed out`)
    t.same(site.store.sessions(), [])
  })

  t.test('a tab whose timers stand still blocks nobody, and on waking is covered first and then checked', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 3000 })
    const context = await newProfile(t, browser, [])
    const frozen = await site.enter(context)
    // Page.setWebLifecycleState leaves a headless page running, since that is always visible; a paused one runs nothing.
    const cdp = await context.newCDPSession(frozen)
    await cdp.send('Debugger.enable')
    await cdp.send('Debugger.pause')
    const busy = await context.newPage()
    await busy.goto(`${site.url}/page`)
    await busy.focus('#note')
    for (let i = 0; i < 16; i++) {
      await busy.keyboard.type('x')
      await busy.waitForTimeout(500)
    }
    t.equal(await busy.locator(dialog).count(), 0, 'the busy tab goes on')
    let release = (): void => {}
    const held = new Promise<void>(resolve => { release = resolve })
    await frozen.route(/\/session-timeout(?:\?|$)/, async route => {
      await held
      await route.continue()
    })
    await cdp.send('Debugger.disable')
    await isCovered(frozen)
    t.notOk(await frozen.isVisible('#secret'), 'the woken tab is covered until the server has answered')
    await busy.keyboard.type('x')
    release()
    await frozen.waitForSelector('#secret', { state: 'visible' })
  })

  t.test('after a jump of the clock, as after sleep, the page is covered until the server has answered', async t => {
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    let release = (): void => {}
    const held = new Promise<void>(resolve => { release = resolve })
    await page.route(/\/session-timeout(?:\?|$)/, async route => {
      await held
      await route.continue()
    })
    await page.evaluate(() => {
      const { now } = Date
      let jump = 0
      Date.now = () => now() + jump
      // Until the client has heard from the server, a jump is none to it: jump until it has.
      const timer = setInterval(() => {
        jump += 3_600_000
        window.dispatchEvent(new Event('focus'))
        if (getComputedStyle(document.body).visibility === 'hidden') clearInterval(timer)
      }, 50)
    })
    await isCovered(page)
    t.notOk(await page.isVisible('#secret'))
    release()
    await page.waitForSelector('#secret', { state: 'visible' })
  })

  t.test('a page from the back/forward cache is covered first and then checked', async t => {
    const site = await buildSite(t, { idleTimeout: '30m', afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context, '/cached-page')
    // Time for the client to hear from the server.
    await page.waitForTimeout(500)
    await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
    await page.waitForSelector('#secret', { state: 'visible' })
    t.same(site.calls.map(({ method }) => method), ['GET', 'GET'])
    await context.request.post(`${site.url}/sign-out`)
    await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
    t.notOk(await page.isVisible('#secret'), 'covered before the server answers')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
  })

  t.test('a page without a session shows nothing and asks once', async t => {
    const site = await buildSite(t, {})
    const context = await newProfile(t, browser, [])
    const page = await context.newPage()
    await page.goto(`${site.url}/cached-page`)
    await page.waitForTimeout(500)
    t.ok(await page.isVisible('#secret'))
    t.same(site.calls.map(({ method }) => method), ['GET'])
  })
}
