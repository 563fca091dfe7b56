import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'
import { choose } from './choose.js'

const browser = await launchChromium(t)
if (browser) {
  const dialog = '.session-timeout'

  t.test('what the application opens after the end lies below, and cannot be used', async t => {
    const site = await buildSite(t, { idleTimeout: 2500, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [], { bypassCSP: true })
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    await page.evaluate(() => {
      const modal = Object.assign(document.createElement('dialog'), { id: 'modal', textContent: 'Secret' })
      const popover = Object.assign(document.createElement('div'), { id: 'popover', popover: 'manual', textContent: 'Secret' })
      popover.style.cssText = 'visibility: visible !important; opacity: 1 !important'
      document.body.append(modal, popover)
      modal.showModal()
      popover.showPopover()
    })
    await page.waitForTimeout(500)
    t.equal(await topmost(page), 'session-timeout')
    t.notOk(await isSeen(page, '#modal'))
    t.notOk(await isSeen(page, '#popover'), 'a popover that forces its visibility neither')
    await page.evaluate(() => document.querySelector<HTMLDialogElement>('dialog.session-timeout')!.close())
    await page.waitForTimeout(200)
    t.equal(await topmost(page), 'session-timeout', 'nor does closing it help')
    await page.evaluate(() => { document.documentElement.className = 'theme' })
    await page.waitForTimeout(200)
    t.notOk(await isSeen(page, '#secret'), 'nor exchanging the classes of the root')
  })

  t.test('the warning stays when the application exchanges its body', async t => {
    const site = await buildSite(t, { idleTimeout: 9000, warnBefore: 8000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    await page.evaluate(() => {
      document.body.replaceChildren()
      document.body.replaceWith(document.createElement('body'))
      document.querySelector('dialog.session-timeout')?.remove()
    })
    await page.waitForTimeout(300)
    t.equal(await topmost(page), 'session-timeout')
    await choose(page, 'Stay signed in')
    await page.waitForSelector(dialog, { state: 'detached' })
  })

  t.test('libraries that trap the focus, swallow events or take the pointer away do not get in the way', async t => {
    const site = await buildSite(t, { idleTimeout: 9000, warnBefore: 8000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.waitForSelector(dialog)
    await page.evaluate(() => {
      document.body.setAttribute('inert', '')
      const seen: string[] = []
      Object.assign(window, { seen })
      document.body.style.pointerEvents = 'none'
      for (const type of ['focusin', 'pointerdown', 'mousedown', 'click', 'keydown']) {
        document.addEventListener(type, event => {
          seen.push(type)
          event.preventDefault()
          event.stopImmediatePropagation()
        }, true)
      }
    })
    await choose(page, 'Stay signed in')
    await page.waitForSelector(dialog, { state: 'detached' })
    t.same(await page.evaluate(() => (window as unknown as { seen: string[] }).seen.filter(type => type !== 'focusin')), [], 'they have seen nothing of it')
    t.equal(site.calls.filter(({ method }) => method === 'POST').length, 1)
  })

  t.test('a page in full screen is warned, and covered', async t => {
    const site = await buildSite(t, { idleTimeout: 7000, warnBefore: 4000, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.evaluate(() => { document.querySelector('#button')!.addEventListener('click', () => document.querySelector('main')!.requestFullscreen()) })
    await page.click('#button')
    await page.waitForFunction(() => document.fullscreenElement?.matches('main'))
    await page.waitForSelector(dialog)
    t.equal(await topmost(page), 'session-timeout', 'above what fills the screen')
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    t.ok(await page.evaluate(() => document.fullscreenElement?.matches('main')))
    t.equal(await topmost(page), 'session-timeout')
    t.notOk(await isSeen(page, '#secret'))
  })

  t.test('nothing of a covered page is printed', async t => {
    const site = await buildSite(t, { idleTimeout: 2500, warnBefore: 500, afterTimeout: 'unauthorized' })
    const context = await newProfile(t, browser, [], { bypassCSP: true })
    const page = await site.enter(context)
    await page.evaluate(() => { document.body.prepend('A text of the body itself') })
    await page.waitForSelector(`${dialog} >> text=You are signed out`)
    await page.emulateMedia({ media: 'print' })
    t.equal(await page.evaluate(() => getComputedStyle(document.body).visibility), 'hidden')
  })

  t.test('the dialog is as it is, whatever the styles of the page, and fits', async t => {
    const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 19_000 })
    const styles = {
      classless: 'html { font-size: 62.5% } h2, p { color: #eee } button { width: 100%; background: #eee; color: #eee } dialog { display: flex; inset: 0; width: 100%; min-width: 100%; height: 100%; padding: 0; border: 0 }',
      theme: 'html.dark h2, :root[data-theme=dark] button { color: #111; background: #111 } *, ::backdrop { margin: 0; padding: 0; border: 0 solid; box-sizing: border-box }'
    }
    for (const [name, css] of Object.entries(styles)) {
      for (const options of [{ viewport: { width: 320, height: 256 } }, { colorScheme: 'dark' }] as const) {
        const context = await newProfile(t, browser, [], { ...options, bypassCSP: true })
        const page = await site.enter(context)
        await page.evaluate(css => {
          document.documentElement.className = 'dark'
          document.documentElement.dataset.theme = 'dark'
          document.head.append(Object.assign(document.createElement('style'), { textContent: css }))
        }, css)
        await page.waitForSelector(dialog)
        const found = await page.evaluate(() => {
          const box = document.querySelector('.session-timeout')!
          const { left, right, top, bottom } = box.getBoundingClientRect()
          const style = getComputedStyle(box)
          return {
            inside: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight,
            centred: Math.abs(left + right - innerWidth) < 2,
            fontSize: style.fontSize,
            colors: [style.color, style.backgroundColor, getComputedStyle(box.querySelector('h2')!).color, getComputedStyle(box.querySelector('[aria-hidden]')!).color]
          }
        })
        // Of a page that says nothing of colour schemes, also where the system is dark.
        t.same(found, { inside: true, centred: true, fontSize: '16px', colors: ['rgb(0, 0, 0)', 'rgb(255, 255, 255)', 'rgb(0, 0, 0)', 'rgb(0, 0, 0)'] }, `${name}, ${JSON.stringify(options)}`)
        await context.close()
      }
    }
  })

  t.test('typing in a frame keeps the session', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 2000 })
    const context = await newProfile(t, browser, [], { bypassCSP: true })
    const page = await site.enter(context)
    await page.evaluate(() => { document.body.append(Object.assign(document.createElement('iframe'), { srcdoc: '<textarea id=inner></textarea>' })) })
    await page.frameLocator('iframe').locator('#inner').click()
    for (let i = 0; i < 40; i++) {
      await page.keyboard.type('x')
      await page.waitForTimeout(200)
    }
    t.equal(await page.locator(dialog).count(), 0)
    t.ok(site.calls.some(({ method }) => method === 'POST'))
  })

  t.test('dictation, which gives input alone, keeps it too', async t => {
    const site = await buildSite(t, { idleTimeout: 6000, warnBefore: 2000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context)
    await page.focus('#note')
    for (let i = 0; i < 20; i++) {
      await page.keyboard.insertText('word ')
      await page.waitForTimeout(400)
    }
    t.equal(await page.locator(dialog).count(), 0)
  })

  t.test('the language of the page, loaded when it is needed', async t => {
    const site = await buildSite(t, { idleTimeout: 20_000, warnBefore: 19_000 })
    const context = await newProfile(t, browser, [])
    await context.addInitScript(() => { document.addEventListener('readystatechange', () => { document.documentElement.lang = 'de-AT' }) })
    const page = await site.enter(context)
    await page.waitForSelector(`${dialog} >> text=Angemeldet bleiben`)
    t.match(await page.textContent(`${dialog} [aria-hidden]`), /^Zu Ihrer Sicherheit werden Sie in \d+ Sekunden abgemeldet\.$/)
    t.equal(await page.getAttribute(dialog, 'lang'), 'de-AT')
  })

  t.test('an application with a dialog of its own is told, also when the status calls fail', async t => {
    const site = await buildSite(t, { idleTimeout: 5000, warnBefore: 3000 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context, '/login')
    await page.evaluate(async () => {
      const path = '/module.js'
      const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
      const client = startSessionTimeout({ endpoint: '/session-timeout', dialog: false })
      document.addEventListener('sessionwarning', ({ detail }) => Object.assign(window, { warning: { ...detail, state: client.state, can: client.canExtend } }))
      await new Promise(resolve => setTimeout(resolve, 500))
    })
    await context.setOffline(true)
    await page.waitForFunction(() => 'warning' in window)
    t.match(await page.evaluate(() => (window as unknown as { warning: object }).warning), { canExtend: true, state: 'warned', can: true })
    t.equal(await page.locator(dialog).count(), 0)
  })

  async function topmost (page: Page): Promise<string> {
    return page.evaluate(() => {
      const { x, y, width } = document.querySelector('.session-timeout')!.getBoundingClientRect()
      return document.elementFromPoint(x + width / 2, y + 10)!.closest('dialog, [popover]')?.className ?? ''
    })
  }
}

/** Whether a user can see it; playwright's isVisible() does not look at opacity. */
async function isSeen (page: Page, selector: string): Promise<boolean> {
  return page.locator(selector).evaluate(element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
}
