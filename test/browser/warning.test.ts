import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'
import { choose } from './choose.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

  t.test('the warning comes when the server says, and each way to stay extends the session there', async t => {
    const complaints: string[] = []
    const site = await buildSite(t, { idleTimeout: 9000, warnBefore: 7000 })
    const context = await newProfile(t, browser, complaints)
    const page = await site.enter(context)
    await page.focus('#button')
    for (const way of ['click', 'Enter', 'Space', 'Escape']) {
      const before = site.record()!.lastActivity
      await page.waitForSelector(dialog)
      const after = Date.now() - before
      t.ok(after > 1500 && after < 4000, `${way}: warned ${after} ms after the last activity`)
      t.ok(await page.evaluate(() => document.activeElement?.matches('dialog.session-timeout')), 'the focus is on the dialog, not on a button')
      t.match(await page.textContent(`${dialog} [aria-hidden]`), /signed out in [3-7] seconds/)
      if (way === 'click') await choose(page, 'Stay signed in')
      else {
        // Keys that come sooner are those of somebody who is typing; Esc counts at once.
        if (way !== 'Escape') await page.waitForTimeout(1200)
        await page.keyboard.press(way)
      }
      await page.waitForSelector(dialog, { state: 'detached' })
      t.ok(site.record()!.lastActivity > before, 'extended in the store')
      t.equal(await page.evaluate(() => document.activeElement?.id), 'button', 'the focus is back')
    }
    t.same(complaints, [])
  })

  t.test('the countdown counts, and only milestones are announced', async t => {
    const site = await buildSite(t, { idleTimeout: 25_000, warnBefore: 23_000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog}[data-view=stay]`)
    await page.evaluate(() => {
      const said: string[] = []
      Object.assign(window, { said })
      new MutationObserver(() => said.push(document.querySelector('.session-timeout [role=status]')!.textContent!))
        .observe(document.querySelector('.session-timeout [role=status]')!, { childList: true })
    })
    const seen = new Set<string>()
    for (let i = 0; i < 50; i++) {
      seen.add(await page.textContent(`${dialog} [aria-hidden]`) ?? '')
      // The client looks again whenever the page wakes: nothing is said twice for that.
      await page.evaluate(() => { window.dispatchEvent(new Event('focus')) })
      await page.waitForTimeout(100)
    }
    t.ok(seen.size >= 4, 'the visible text changes each second')
    t.same(await page.evaluate(() => (window as unknown as { said: string[] }).said), ['For your security, you will be signed out in 20 seconds.'])
  })

  t.test('axe-core finds nothing, before and during the dialog, in each theme', async t => {
    const site = await buildSite(t, { idleTimeout: 60_000, warnBefore: 55_000 })
    for (const options of [{}, { colorScheme: 'dark' }, { viewport: { width: 320, height: 480 } }, { forcedColors: 'active' }] as const) {
      const context = await newProfile(t, browser, [], { ...options, bypassCSP: true })
      const page = await site.enter(context)
      t.same(await violations(page), [], `before, ${JSON.stringify(options)}`)
      await page.waitForSelector(dialog)
      t.same(await violations(page), [], `during, ${JSON.stringify(options)}`)
      const box = (await page.locator(dialog).boundingBox())!
      t.ok(box.x >= 0 && box.x + box.width <= page.viewportSize()!.width, 'the dialog fits')
    }
  })

  t.test('near the absolute limit the dialog offers no stay', async t => {
    const site = await buildSite(t, { idleTimeout: false, absoluteTimeout: 6000, warnBefore: 4000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    t.same(await page.locator(`${dialog} button`).allTextContents(), ['Continue working', 'Sign out and in again'])
    await page.keyboard.press('Escape')
    await page.waitForSelector(dialog, { state: 'detached' })
    await page.waitForTimeout(1500)
    t.equal(await page.locator(dialog).count(), 0, 'closed, it does not come back')
    await page.waitForURL(/login.*reason=absolute/)
  })

  t.test('calls by fetch put the warning off, and the page asks once an idle time', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 2000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    for (let i = 0; i < 8; i++) {
      await page.waitForTimeout(1000)
      await page.evaluate(() => fetch('/api'))
    }
    t.equal(await page.locator(dialog).count(), 0)
    const methods = site.calls.map(({ method }) => method)
    t.ok(methods.length >= 2 && methods.length <= 4 && methods.every(method => method === 'GET'), methods.join(' '))
  })

  t.test('a page that is idle and far from its deadline asks once, and has one timer', async t => {
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [])
    await context.addInitScript(() => {
      const pending = new Set<number>()
      const { setTimeout, clearTimeout } = window
      Object.assign(window, {
        pending,
        setTimeout: (callback: () => void, ms: number) => {
          const id = setTimeout(() => { pending.delete(id); callback() }, ms)
          pending.add(id)
          return id
        },
        clearTimeout: (id: number) => { pending.delete(id); clearTimeout(id) }
      })
    })
    const page = await site.enter(context)
    await page.waitForTimeout(2000)
    t.equal(await page.evaluate(() => (window as unknown as { pending: Set<number> }).pending.size), 1)
    t.same(site.calls.map(({ method }) => method), ['GET'])
  })

  async function violations (page: Page): Promise<string[]> {
    await page.evaluate(axe)
    return page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run: () => Promise<{ violations: Array<{ id: string, nodes: Array<{ html: string }> }> }> } }
      return (await axe.run()).violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)
    })
  }
}
