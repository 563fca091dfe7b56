import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import type { SessionTimeoutClient, SessionTimeoutClientOptions } from '../../client/index.js'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite, isHeard } from '../helpers/site.js'
import { choose } from './choose.js'
import { isCovered } from './covered.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'
  const endpoint = /\/session-timeout(?:\?|$)/

  t.test('a status call that never ends does not keep the page open past the deadline', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1500 })
    const context = await newProfile(t, browser, [])
    await context.route(endpoint, () => {})
    const page = await site.enter(context)
    const start = site.record()!.lastActivity
    await isCovered(page)
    const after = Date.now() - start
    t.ok(after > 2500 && after < 4000, `covered ${after} ms after the last activity`)
    t.notOk(await isSeen(page, '#secret'))
  })

  t.test('without the file for what is shown, the page is covered at the end all the same, and the notice comes when that does', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    let asked = 0
    await context.route('**/display.js*', route => {
      asked++
      return route.abort()
    })
    const page = await site.enter(context)
    await isCovered(page)
    t.notOk(await isSeen(page, '#secret'))
    t.equal(await page.locator(dialog).count(), 0)
    t.equal(asked, 1, 'it is not asked for at every second of the countdown')
    await context.unroute('**/display.js*')
    // The next time that somebody looks.
    await page.waitForTimeout(10_500)
    await page.evaluate(() => { window.dispatchEvent(new Event('focus')) })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
  })

  t.test('a page of a visitor does not load what a session would show', async t => {
    const site = await buildSite(t, {})
    const context = await newProfile(t, browser, [])
    const asked: string[] = []
    context.on('request', request => asked.push(new URL(request.url()).pathname))
    const page = await context.newPage()
    await page.goto(`${site.url}/cached-page`)
    await page.waitForTimeout(1000)
    t.same(asked, ['/cached-page', '/session-timeout/client.js', '/session-timeout'])
  })

  t.test('a server that answers with errors: covered without claiming the end, asked again when the user says so', async t => {
    const site = await buildSite(t, { idleTimeout: 5000, warnBefore: 1000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    let asked = 0
    await context.route(endpoint, route => {
      asked++
      return route.fulfill({ status: 503 })
    })
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=Try again`)
    t.equal(await page.textContent(`${dialog} h2`), 'Checking your session')
    t.match(await page.textContent(`${dialog} [aria-hidden]`), 'The server does not answer')
    t.notOk(await isSeen(page, '#secret'))
    await page.waitForTimeout(1000)
    t.ok(asked <= 3, `${asked} calls: it does not hammer the server`)
    await context.unroute(endpoint)
    await page.waitForTimeout(1200)
    await page.keyboard.press('Enter')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
  })

  t.test('after an error, a session that others kept is shown again', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1000 })
    const context = await newProfile(t, browser, [])
    await context.route(endpoint, route => route.fulfill({ status: 503 }))
    const page = await site.enter(context)
    const keep = setInterval(() => context.request.get(`${site.url}/api`).catch(() => {}), 500)
    t.teardown(() => clearInterval(keep))
    await page.waitForSelector(`${dialog} >> text=Try again`)
    await context.unroute(endpoint)
    await choose(page, 'Try again')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.ok(await isSeen(page, '#secret'))
  })

  t.test('Esc, however often, takes neither the notice of the end nor the warning away', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 5000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    await context.route(endpoint, route => route.request().method() === 'POST' ? route.fulfill({ status: 503 }) : route.continue())
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    await pressEscape(page)
    t.ok(await page.isVisible(`${dialog} >> text=Stay signed in`), 'still warned')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    await pressEscape(page)
    t.ok(await page.isVisible(`${dialog} >> text=Sign in again`), 'still told')
    t.notOk(await isSeen(page, '#secret'))
  })

  t.test('nothing of a covered page is seen, whatever its own styles say', async t => {
    const site = await buildSite(t, { idleTimeout: 4000, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(() => {
      const secret = document.querySelector<HTMLElement>('#secret')!
      Object.assign(secret.style, { position: 'fixed', inset: '0', zIndex: '2147483647', visibility: 'visible', background: 'red' })
    })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.notOk(await isSeen(page, '#secret'))
    const { data } = await page.evaluate(() => ({ data: document.elementFromPoint(5, 5)?.id }))
    t.not(data, 'secret')
  })

  t.test('a wrong or unknown language of the page stops nothing, and the warning is in one language', async t => {
    for (const lang of ['en_US', 'cy', 'not a language', '']) {
      const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 19_500 })
      const context = await newProfile(t, browser, [])
      await context.addInitScript(lang => {
        document.addEventListener('readystatechange', () => { document.documentElement.lang = lang })
      }, lang)
      const page = await site.enter(context)
      await page.waitForSelector(dialog)
      t.match(await page.textContent(`${dialog} [aria-hidden]`), /^For your security, you will be signed out in \d+ seconds\.$/, JSON.stringify(lang))
      t.match(await page.getAttribute(dialog, 'lang'), /^en/, 'and says which')
    }
  })

  t.test('a page that changes its language changes that of the dialog, while it is shown too', async t => {
    const site = await buildSite(t, { idleTimeout: 60_000, warnBefore: 58_000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=Stay signed in`)
    await page.evaluate(() => { document.documentElement.lang = 'de' })
    await page.waitForSelector(`${dialog}[lang=de] >> text=Angemeldet bleiben`)
    await page.evaluate(() => { document.documentElement.lang = 'en-GB' })
    await page.waitForSelector(`${dialog}[lang=en-GB] >> text=Stay signed in`)
  })

  t.test('the dialog is written in the direction of its own language, not of the page', async t => {
    const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 19_500 })
    const context = await newProfile(t, browser, [])
    for (const [options, direction] of [[{}, 'ltr'], [{ locale: 'ar', messages: { title: 'تنتهي جلستك قريبًا', warning: 'سيتم تسجيل خروجك خلال {time}.' } }, 'rtl']] as const) {
      const page = await openModule(context, site)
      await page.evaluate(() => { document.documentElement.dir = 'rtl' })
      await startClient(page, options)
      await page.waitForSelector(dialog)
      t.equal(await page.evaluate(() => getComputedStyle(document.querySelector('.session-timeout')!).direction), direction)
      await page.close()
    }
  })

  t.test('another origin says nothing about this session', async t => {
    const other = createServer((_request, response) => {
      response.writeHead(200, { 'access-control-allow-origin': '*', 'timing-allow-origin': '*', 'server-timing': 'session-timeout;dur=900000' }).end('{}')
    }).listen(0, '127.0.0.1')
    t.teardown(() => other.close())
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 1500 })
    const context = await newProfile(t, browser, [], { bypassCSP: true })
    const page = await site.enter(context)
    await page.evaluate(async url => { await (await fetch(url)).text() }, `http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
    await page.waitForSelector(dialog, { timeout: 3000 })
  })

  t.test('with a touchInterval of 0 there is a report a second, not one for every key', async t => {
    const site = await buildSite(t, { idleTimeout: '10m', touchInterval: 0 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.focus('#note')
    const start = Date.now()
    await page.keyboard.type('x'.repeat(40), { delay: 50 })
    const seconds = Math.ceil((Date.now() - start) / 1000)
    const reports = site.calls.filter(({ method }) => method === 'POST').length
    t.ok(reports >= 1 && reports <= seconds + 2, `${reports} reports in ${seconds} seconds`)
  })

  t.test('who types is not warned because the report was not due yet', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 4000, touchInterval: 100 })
    const context = await newProfile(t, browser, [])
    // The client is told an interval that is longer than the time until the warning.
    await context.route('**/client.js', async route => {
      const response = await route.fetch()
      await route.fulfill({ response, body: (await response.text()).replace('"touchInterval":100', '"touchInterval":10000') })
    })
    const page = await site.enter(context)
    await page.focus('#note')
    for (let i = 0; i < 24; i++) {
      await page.keyboard.type('x')
      await page.waitForTimeout(250)
      t.equal(await page.locator(dialog).count(), 0)
    }
  })

  t.test('a page that scrolls by script is not in use', async t => {
    const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 500 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(() => {
      document.body.style.height = '5000px'
      let y = 0
      setInterval(() => {
        y = (y + 50) % 4000
        scrollTo(0, y)
      }, 50)
    })
    await page.waitForURL(/login/, { timeout: 6000 })
  })

  t.test('sleep between an activity and its report is part of what is reported', async t => {
    const site = await buildSite(t, { idleTimeout: '30m', touchInterval: 1500 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    await page.keyboard.press('a')
    // As after sleep: the wall clock has gone on, performance.now() and timers have not.
    await page.evaluate(() => {
      const { now } = Date
      Date.now = () => now() + 300_000
    })
    await page.waitForTimeout(2500)
    const report = site.calls.find(({ method }) => method === 'POST')
    t.ok((report?.body as { idleFor: number }).idleFor >= 300_000, JSON.stringify(report))
  })

  t.test('a click on "stay" that comes too late revives nothing and leads to the sign-in page', async t => {
    const site = await buildSite(t, { idleTimeout: 5000, warnBefore: 4000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    // The session ends on the server while this page believes that there is time left.
    const [id] = site.store.sessions()
    const stored = site.store.peek(id!)!
    await new Promise<void>((resolve, reject) => {
      site.store.set(id!, { ...stored, sessionTimeout: { startedAt: 1, lastActivity: Date.now() - 6000 } } as never, error => error ? reject(error) : resolve())
    })
    await choose(page, 'Stay signed in')
    await page.waitForURL(/login.*reason=(idle|absolute)/)
    t.same(site.store.sessions(), [])
  })

  t.test('signing out while the network is cut keeps the page covered, and says that it is not done', async t => {
    const site = await buildSite(t, { idleTimeout: 8000, warnBefore: 7000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    await context.setOffline(true)
    await choose(page, 'Sign out now')
    await page.waitForSelector(`${dialog} >> text=Try again`)
    t.notOk(await isSeen(page, '#secret'))
    t.equal(site.store.sessions().length, 1)
  })

  for (const next of ['nobody', 'eve']) {
    t.test(`a page out of the HTTP cache is covered and checked: its session is over, and signed in is ${next}`, async t => {
      const site = await buildSite(t, { idleTimeout: '30m', afterTimeout: 'unauthorized' })
      const context = await newProfile(t, browser, [])
      const page = await site.enter(context, '/cached-page')
      await isHeard(page)
      await page.goto(`${site.url}/login`)
      await context.request.post(`${site.url}/sign-out`)
      if (next === 'eve') await context.request.post(`${site.url}/sign-in?user=eve`)
      await page.goBack()
      t.equal(await page.evaluate(() => (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).transferSize), 0, 'it is from the cache')
      await page.waitForSelector(`${dialog} >> text=You are signed out`)
      t.notOk(await isSeen(page, '#secret'))
    })
  }

  t.test('a listener that throws keeps nobody on the page, and is not hidden', async t => {
    const complaints: string[] = []
    const site = await buildSite(t, { idleTimeout: 2000, warnBefore: 500 })
    const context = await newProfile(t, browser, complaints)
    const page = await openModule(context, site)
    await startClient(page, { redirectTo: '/login?left' }, true)
    await page.waitForURL(/login\?left/)
    const stays = await openModule(context, site)
    complaints.length = 0
    await startClient(stays, {}, true)
    await stays.waitForSelector(`${dialog} >> text=You are signed out`)
    await stays.waitForTimeout(100)
    t.match(complaints, [/thrown by the application/])
    // Expected here, and nowhere else.
    complaints.length = 0
  })

  t.test('a guard that refuses visitors does not end the page of a visitor', async t => {
    const site = await buildSite(t, {})
    const context = await newProfile(t, browser, [])
    await context.route(endpoint, route => route.fulfill({ status: 401 }))
    const page = await context.newPage()
    await page.goto(`${site.url}/login`)
    await startClient(page, { redirectTo: '/login?looping' })
    await page.waitForTimeout(500)
    t.notMatch(page.url(), 'looping')
    t.equal(await page.locator(dialog).count(), 0)
  })

  t.test('a session that begins after the page is learned of from the first response', async t => {
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [])
    const page = await context.newPage()
    await page.goto(`${site.url}/login`)
    await startClient(page, {})
    await page.waitForTimeout(300)
    t.equal(await remaining(page), null)
    await page.evaluate(async () => { await (await fetch('/sign-in', { method: 'POST' })).text() })
    await page.evaluate(async () => { await (await fetch('/api')).text() })
    await page.waitForFunction(() => (window as unknown as { client: SessionTimeoutClient }).client.remaining !== null)
    t.ok(Math.abs(await remaining(page) as number - 1_800_000) < 5000)
  })

  t.test('extend() and end() say whether the server did it, and stop() leaves nothing behind', async t => {
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [])
    const page = await openModule(context, site)
    await startClient(page, {})
    t.equal(await page.evaluate(() => (window as unknown as { client: SessionTimeoutClient }).client.extend()), true)
    await context.route(endpoint, route => route.fulfill({ status: 500 }))
    t.equal(await page.evaluate(() => (window as unknown as { client: SessionTimeoutClient }).client.extend()), false)
    t.equal(await page.evaluate(() => (window as unknown as { client: SessionTimeoutClient }).client.end()), false)
    await isCovered(page)
    await context.unroute(endpoint)
    await choose(page, 'Try again')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    await page.evaluate(() => (window as unknown as { client: SessionTimeoutClient }).client.stop())
    t.notOk(await isSeen(page, 'h1'), 'what is covered stays so')
    await page.close()
    const other = await openModule(context, site)
    await startClient(other, {})
    await other.waitForFunction(() => (window as unknown as { client: SessionTimeoutClient }).client.state === 'live')
    await other.evaluate(() => (window as unknown as { client: SessionTimeoutClient }).client.stop())
    t.same(await other.evaluate(() => [document.querySelectorAll('.session-timeout').length, document.adoptedStyleSheets.length, document.documentElement.className]), [0, 0, ''])
    const calls = site.calls.length
    await other.keyboard.press('a')
    await other.evaluate(() => { window.dispatchEvent(new Event('focus')) })
    await other.waitForTimeout(1500)
    t.equal(site.calls.length, calls, 'no call any more')
  })

  t.test('an ordinary change of focus asks nothing', async t => {
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await isHeard(page)
    await page.waitForTimeout(500)
    for (const id of ['#note', '#button', '#note', '#button']) await page.focus(id)
    await page.waitForTimeout(300)
    t.same(site.calls.map(({ method }) => method), ['GET'], 'the one at the start')
  })

  async function openModule (context: BrowserContext, site: { url: string }): Promise<Page> {
    await context.request.post(`${site.url}/sign-in`)
    const page = await context.newPage()
    await page.goto(`${site.url}/login`)
    return page
  }

  async function startClient (page: Page, options: Partial<SessionTimeoutClientOptions>, throwing = false): Promise<void> {
    await page.evaluate(async ([options, throwing]) => {
      // An address of the test's server: nothing that a compiler could find.
      const path = '/module.js'
      const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
      if (throwing) document.addEventListener('sessionended', () => { throw new Error('thrown by the application') })
      const client = startSessionTimeout({ endpoint: '/session-timeout', ...options })
      Object.assign(window, { client })
    }, [options, throwing] as const)
  }

  async function remaining (page: Page): Promise<number | null> {
    return page.evaluate(() => (window as unknown as { client: SessionTimeoutClient }).client.remaining)
  }
}

async function pressEscape (page: Page): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('Escape')
    await page.waitForTimeout(100)
  }
}

/** Whether a user can see it; playwright's isVisible() does not look at opacity. */
async function isSeen (page: Page, selector: string): Promise<boolean> {
  return page.locator(selector).evaluate(element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
}
