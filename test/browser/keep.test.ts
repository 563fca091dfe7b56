import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite, isHeard, type Site } from '../helpers/site.js'
import { choose } from './choose.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'
  const user = (session: { userId?: string }): string | undefined => session.userId
  const letter = 'Dear Grace,\nhalf of what I have to say'

  const ways: Record<string, (page: Page, context: BrowserContext, site: Site) => Promise<void>> = {
    'in another tab': async (_page, context, site) => {
      const other = await context.newPage()
      await other.goto(`${site.url}/login`)
      await other.evaluate(async () => { await (await fetch('/sign-in', { method: 'POST' })).text() })
      await other.goto(`${site.url}/page`)
    },
    'by a call of the page itself': async page => {
      await page.evaluate(async () => {
        await (await fetch('/sign-in', { method: 'POST' })).text()
        await (await fetch('/api')).text()
      })
    },
    'in the page that the button opens': async (page, context, site) => {
      const [opened] = await Promise.all([context.waitForEvent('page'), choose(page, 'Sign in again')])
      await opened.waitForURL(/\/login\?returnTo=%2Fsession-timeout%2Fresumed&reason=\w+$/)
      await opened.evaluate(async () => { await (await fetch('/sign-in', { method: 'POST' })).text() })
      const closed = opened.waitForEvent('close')
      await opened.evaluate(url => { location.href = url }, `${site.url}/session-timeout/resumed`)
      await closed
    }
  }

  for (const [name, signIn] of Object.entries(ways)) {
    t.test(`what was entered is there after the end and a sign-in ${name}`, async t => {
      const site = await buildSite(t, { user, idleTimeout: 5000, warnBefore: 1000 })
      const context = await newProfile(t, browser, [])
      const page = await write(site, context)
      await page.waitForSelector(`${dialog} >> text=You are signed out`)
      t.match(await page.textContent(`${dialog} [aria-hidden]`), 'What you entered is safe')
      t.match(page.url(), /\/page$/, 'it is not left')
      t.notOk(await page.isVisible('#note'))
      await signIn(page, context, site)
      await page.waitForSelector(dialog, { state: 'detached' })
      t.equal(await page.inputValue('#note'), letter)
      t.ok(await page.isVisible('#note'))
      t.same(await page.evaluate(() => (window as unknown as { told: string[] }).told), ['sessionended', 'sessionresumed'])
    })
  }

  t.test('where the browser lets no tab open, the button becomes a link that does', async t => {
    const site = await buildSite(t, { user, idleTimeout: 5000, warnBefore: 1000 })
    const context = await newProfile(t, browser, [])
    const page = await write(site, context)
    await page.evaluate(() => { window.open = () => null })
    await choose(page, 'Sign in again')
    const link = page.locator(`${dialog} a:text-is("Sign in again")`)
    await link.waitFor()
    t.ok(await link.evaluate(link => document.activeElement === link), 'it has the focus')
    const [opened] = await Promise.all([context.waitForEvent('page'), page.keyboard.press('Enter')])
    await opened.waitForURL(/\/login\?returnTo=%2Fsession-timeout%2Fresumed/)
  })

  t.test('text in a form without the mark is lost, and both the user and the developer are told so', async t => {
    const site = await buildSite(t, { user, idleTimeout: 5000, warnBefore: 1000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    const said: string[] = []
    page.on('console', message => said.push(message.text()))
    await isHeard(page)
    await page.evaluate(() => {
      document.body.append(Object.assign(document.createElement('textarea'), { id: 'unmarked' }))
    })
    await page.fill('#unmarked', letter)
    await page.waitForSelector(`${dialog} >> text=What you had not saved is lost`)
    t.equal(said.filter(text => text.includes('data-session-timeout-keep')).length, 1)
  })

  t.test('another user never gets to see it, whenever that one signs in', async t => {
    const site = await buildSite(t, { user, idleTimeout: 15_000, warnBefore: 300 })
    const context = await newProfile(t, browser, [])
    const pages: Page[] = []
    for (let i = 0; i < 10; i++) pages.push(await write(site, context))
    await context.request.post(`${site.url}/sign-out`)
    for (const page of pages) await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
    // In Chromium, what is seen is what is painted: looked at in every frame.
    await Promise.all(pages.map(page => page.evaluate(() => {
      Object.assign(window, { seen: 0, eve: false })
      requestAnimationFrame(function look () {
        const { eve } = window as unknown as { eve: boolean }
        const note = document.querySelector('#note')!
        if (eve && note.checkVisibility({ visibilityProperty: true, opacityProperty: true })) Object.assign(window, { seen: (window as unknown as { seen: number }).seen + 1 })
        requestAnimationFrame(look)
      })
    })))
    for (const page of pages) await page.waitForSelector(`${dialog} >> text=You are signed out`)
    for (let i = 0; i < 10; i++) {
      await context.request.post(`${site.url}/sign-in?user=eve`)
      await Promise.all(pages.map(async page => {
        await page.waitForTimeout(Math.random() * 300)
        await page.evaluate(() => {
          Object.assign(window, { eve: true })
          window.dispatchEvent(Math.random() < 0.5 ? new Event('focus') : new PageTransitionEvent('pageshow', { persisted: true }))
        })
        await page.waitForTimeout(Math.random() * 300)
      }))
      await context.request.post(`${site.url}/sign-out`)
    }
    t.same(await Promise.all(pages.map(page => page.evaluate(() => (window as unknown as { seen: number }).seen))), Array(10).fill(0), '0 of 100')
  })

  t.test('a form in which nothing was entered is left, and so is one that was sent', async t => {
    const site = await buildSite(t, { user, idleTimeout: 3000, warnBefore: 500 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(() => document.querySelector('#note')!.setAttribute('data-session-timeout-keep', ''))
    await page.waitForURL(/login\?returnTo=%2Fpage&reason=idle/)
  })

  t.test('the application may say itself whether something is not saved', async t => {
    const site = await buildSite(t, { user, idleTimeout: 2500, warnBefore: 500 })
    const context = await newProfile(t, browser, [])
    for (const unsaved of [true, false]) {
      const page = await site.enter(context, '/login?here')
      await page.evaluate(async unsaved => {
        const path = '/module.js'
        const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
        startSessionTimeout({ endpoint: '/session-timeout', redirectTo: '/login?left', keep: () => unsaved })
      }, unsaved)
      if (unsaved) await page.waitForSelector(`${dialog} >> text=What you entered is safe`)
      else await page.waitForURL(/left/)
      t.match(page.url(), unsaved ? /here/ : /left/)
      await page.close()
    }
  })

  t.test('who signs out here leaves, whatever is not saved', async t => {
    const site = await buildSite(t, { user, idleTimeout: 20_000, warnBefore: 19_000 })
    const context = await newProfile(t, browser, [])
    const page = await write(site, context)
    const other = await write(site, context)
    await page.waitForSelector(dialog)
    await choose(page, 'Sign out now')
    await page.waitForURL(/login\?returnTo=%2Fpage&reason=signed-out/)
    await other.waitForSelector(`${dialog} >> text=You have signed out`)
    t.match(await other.textContent(`${dialog} [aria-hidden]`), 'What you entered is safe', 'the other tab waits')
  })

  /** A page with half a letter. */
  async function write (site: Site, context: BrowserContext): Promise<Page> {
    const page = site.record() ? await context.newPage() : await site.enter(context)
    await page.goto(`${site.url}/page`)
    await page.evaluate(() => {
      document.querySelector('#note')!.setAttribute('data-session-timeout-keep', '')
      const told: string[] = []
      Object.assign(window, { told })
      for (const type of ['sessionended', 'sessionresumed'] as const) document.addEventListener(type, () => told.push(type))
    })
    await page.fill('#note', letter)
    return page
  }
}
