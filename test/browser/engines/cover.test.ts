import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { launchEngines, type Profile, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite, type StorySite } from '../../helpers/story-site.js'
import { clickOn, dialog, ended, letPass, timeout } from './dialog.js'

const story = await launchEngines(t)

/** In the page: whether anything of that element can be seen or hit. */
function isSeen (selector: string): boolean {
  let root: Document | ShadowRoot = document
  const path = selector.split(' >>> ')
  for (const host of path.slice(0, -1)) root = root.querySelector(host)!.shadowRoot!
  const element = root.querySelector(path.at(-1)!)
  if (!element) return false
  const { x, y, width, height } = element.getBoundingClientRect()
  const hit = width > 0 ? document.elementFromPoint(x + width / 2, y + height / 2) : null
  const host = path.length > 1 ? document.querySelector(path[0]!) : element
  return element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true }) || (!!hit && (hit === host || element.contains(hit)))
}

for (const kind of ['dialog', 'popover'] as const) {
  story(`a ${kind} that opens in a shadow root after the end is not seen, and the button stays within reach`, async (t, profile) => {
    const { tab } = await end(t, profile)
    await tab.evaluate(kind => {
      const host = document.createElement('div')
      host.id = 'host'
      document.body.append(host)
      const root = host.attachShadow({ mode: 'open' })
      const opened = root.appendChild(document.createElement(kind === 'dialog' ? 'dialog' : 'div'))
      opened.id = 'opened'
      opened.textContent = 'Secret'
      opened.style.cssText = 'position: fixed; inset: 0; width: 100%; height: 100%'
      if (kind === 'dialog') return (opened as HTMLDialogElement).showModal()
      opened.popover = 'manual'
      opened.showPopover()
    }, kind)
    t.notOk(await tab.evaluate(isSeen, '#host >>> #opened'), 'from the start')
    await sleep(1000)
    t.notOk(await tab.evaluate(isSeen, '#host >>> #opened'))
    await tab.until('the button is on top', selector => {
      const button = document.querySelector(`${selector} button`)!
      const { x, y, width, height } = button.getBoundingClientRect()
      return document.elementFromPoint(x + width / 2, y + height / 2) === button
    }, [dialog])
    await clickOn(tab, 'Sign in again')
    await tab.until('the page is loaded again', () => !document.querySelector('#host'))
  })
}

story('an application that sets its own style sheets does not uncover the page', async (t, profile) => {
  const { tab } = await end(t, profile)
  const looks = await tab.evaluate(async () => {
    const secret = document.querySelector('#secret')!
    const seen: boolean[] = []
    document.adoptedStyleSheets = []
    for (let frame = 0; frame < 40; frame++) {
      await new Promise(resolve => setTimeout(resolve, 20))
      seen.push(secret.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    }
    return seen
  })
  t.notOk(looks.includes(true), 'not for a moment')
  t.equal(await tab.evaluate(selector => getComputedStyle(document.querySelector(selector)!).position, dialog), 'fixed')
  t.ok(await tab.evaluate(() => document.adoptedStyleSheets.length > 0), 'the styles of the dialog are back')
})

story('a dialog that was taken away comes back above everything, and modal', async (t, profile) => {
  const { tab } = await end(t, profile)
  await tab.evaluate(selector => document.querySelector(selector)!.remove(), dialog)
  await tab.until('it is back', selector => document.querySelector(selector), [dialog])
  t.ok(await tab.evaluate(selector => document.querySelector(selector)!.matches(':modal'), dialog))
})

story('rules that are important, in a layer or on the element, transitions and the page around the body do not weaken the cover', async (t, profile) => {
  const site = await build(t)
  // Without the dialog: the cover alone.
  const tab = await site.enter(profile, '/page')
  await tab.evaluate(async () => {
    const style = new CSSStyleSheet()
    style.replaceSync(`@layer a { #secret { visibility: visible !important; opacity: 1 !important; position: fixed; inset: 0; background: red } }
      * { transition: all 20s }
      html { background: linear-gradient(red, blue) }
      html::before { content: 'Jane Doe'; position: fixed; z-index: 9 }`)
    document.adoptedStyleSheets = [style]
    document.title = 'Invoice of Jane Doe'
    document.querySelector<HTMLElement>('#note')!.style.setProperty('visibility', 'visible', 'important')
    const path = '/session-timeout/client.js'
    const { sessionTimeout } = await import(path) as { sessionTimeout: { end (): Promise<boolean> } }
    sessionTimeout.end()
  })
  t.notOk(await tab.evaluate(isSeen, '#secret'), 'at once')
  t.notOk(await tab.evaluate(isSeen, '#note'))
  const [before, image, title] = await tab.evaluate(() => {
    const root = document.documentElement
    return [getComputedStyle(root, '::before').display, getComputedStyle(root).backgroundImage, document.title]
  })
  t.same([before, image], ['none', 'none'])
  t.notMatch(title, 'Jane Doe', 'nor does the title')
})

story('keys do not edit a page that is covered, also without the dialog; it says what to do; and it comes back as it was', async (t, profile) => {
  const site = await build(t, app => app.get('/session-timeout-gone', async () => ''))
  const tab = await site.enter(profile, '/page')
  await tab.evaluate(() => {
    // As if its file had never come.
    HTMLDialogElement.prototype.showModal = () => {}
    document.body.append(Object.assign(document.createElement('div'), { id: 'tall' }))
    document.querySelector<HTMLElement>('#tall')!.style.height = '5000px'
    document.querySelector<HTMLElement>('#note')!.focus()
  })
  // Firefox scrolls to what gets the focus a moment later.
  await tab.until('scrolled', () => {
    scrollTo(0, 1234)
    return new Promise(resolve => { setTimeout(() => resolve(Math.round(scrollY) === 1234), 100) })
  })
  await tab.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
  await tab.until('the page', () => getComputedStyle(document.body).visibility === 'visible')
  t.same(await tab.evaluate(() => [Math.round(scrollY), document.activeElement?.id, document.title]), [1234, 'note', 'Account'], 'where it was')
  await tab.evaluate(async () => {
    const path = '/session-timeout/client.js'
    const { sessionTimeout } = await import(path) as { sessionTimeout: { end (): Promise<boolean> } }
    await sessionTimeout.end()
  })
  await tab.press('a', 'b')
  t.equal(await tab.evaluate(() => document.querySelector<HTMLTextAreaElement>('#note')!.value), '')
  t.match(await tab.evaluate(() => getComputedStyle(document.documentElement, '::after').content), 'Sign in')
})

async function build (t: Test, routes?: Parameters<typeof buildStorySite>[1]['routes']): Promise<StorySite> {
  return buildStorySite(t, { timeout, ...(routes && { routes }) })
}

/** A page that has ended. */
async function end (t: Test, profile: Profile): Promise<{ tab: Tab, site: StorySite }> {
  const site = await build(t)
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site, 1500)
  await ended(tab)
  return { tab, site }
}
