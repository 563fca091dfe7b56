import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { openDemo } from './demo-site.js'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const phone = { width: 390, height: 844 }

/** What axe-core finds in the whole page and its frames, in both colour schemes, and whether the page is wider than its window. */
async function findings (page: Page): Promise<string[]> {
  await page.emulateMedia({ colorScheme: 'light' })
  for (const frame of page.frames()) await frame.evaluate(axe)
  const run = (options: string): Promise<string[]> => page.evaluate(`axe.run(document, ${options})
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`)
  const found = await run("{ rules: { 'target-size': { enabled: true } } }")
  await page.emulateMedia({ colorScheme: 'dark' })
  found.push(...await run("{ runOnly: ['color-contrast'] }"))
  for (const frame of page.frames()) {
    if (await frame.evaluate('document.documentElement.scrollWidth > innerWidth')) found.push(`wider than its window: ${frame.url()}`)
  }
  return found
}

/** The element that has the focus, by its label or text; '' for none. */
function focused (page: Page): Promise<string> {
  return page.evaluate('(({ labels, textContent, localName }) => localName === \'body\' ? \'\' : (labels?.[0] ?? { textContent }).textContent.trim())(document.activeElement)')
}

async function tabTo (page: Page, name: string): Promise<void> {
  for (let stops = 0; stops < 30; stops++) {
    await page.keyboard.press('Tab')
    if (await focused(page) === name) return
  }
  throw new Error(`Tab does not lead to ${name}`)
}

/** Whether the element that has the focus is in the window, and looks another way than without. */
async function showsFocus (page: Page): Promise<boolean> {
  const clip: { x: number, y: number, width: number, height: number } = await page.evaluate(`(({ x, y, width, height }) =>
    ({ x: Math.max(0, x - 8), y: Math.max(0, y - 8), width: width + 16, height: height + 16 }))(document.activeElement.getBoundingClientRect())`)
  if (clip.y + clip.height > phone.height + 8) return false
  const look = (): Promise<Buffer> => page.screenshot({ clip, caret: 'hide' })
  const before = await look()
  // Tab goes on from where the focus was.
  await page.evaluate('document.activeElement.blur()')
  return !before.equals(await look())
}

async function signIn (page: Page): Promise<void> {
  await page.fill('#name', 'Ada')
  await page.click('main button')
}

const browser = await launchChromium(t)
if (browser) {
  t.test('by keyboard alone: sign in, write, be warned and stay, say that it is you', async t => {
    const url = await openDemo(t)
    const page = await (await newProfile(t, browser, [], { viewport: phone })).newPage()
    await page.goto(url)
    await page.keyboard.press('Tab')
    t.equal(await focused(page), 'Skip to content')
    await tabTo(page, 'Sign in with any name')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/login')
    await tabTo(page, 'Your name')
    await page.keyboard.type('Ada')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=Hello, Ada')
    await tabTo(page, 'Letter')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/letter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await tabTo(page, 'Your letter')
    await page.keyboard.type('Dear Grace,')
    await tabTo(page, 'Skip')
    await page.keyboard.press('Enter')

    await page.waitForSelector('.session-timeout >> text=Stay signed in', { timeout: 15_000 })
    t.match(await focused(page), /^Your session ends soon/)
    await tabTo(page, 'Stay signed in')
    for (let stops = 0; stops < 4; stops++) {
      await page.keyboard.press('Tab')
      t.match(await focused(page), /^(?:|Stay signed in|Sign out now|Your session ends soon[^]*)$/, 'nothing behind the warning is reached')
    }
    await tabTo(page, 'Stay signed in')
    // Keys that were pressed before anybody could read it do not answer it.
    await page.waitForTimeout(1100)
    await page.keyboard.press('Enter')
    await page.waitForSelector('.session-timeout', { state: 'detached' })
    t.equal(await focused(page), 'Skip', 'the focus is back')
    await page.keyboard.press('Shift+Tab')
    t.equal(await focused(page), 'Drag the clock ahead')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=Saved, 11 characters.')

    await tabTo(page, 'Statement')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=Is it you, Ada?')
    await tabTo(page, 'It is me')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=NL00 DEMO')
    await tabTo(page, 'Sign out Ada')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/login?*')
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`Tab goes through the page in its order, and the focus is seen, ${colorScheme}`, async t => {
      const url = await openDemo(t)
      const page = await (await newProfile(t, browser, [], { viewport: phone, colorScheme })).newPage()
      await page.goto(`${url}/login`)
      await signIn(page)
      await page.waitForSelector('text=Do some work')
      const stops = ['Skip to content', 'Timeout demo', 'Your time', 'News', 'Letter', 'Statement', 'Sign out Ada', 'Do some work',
        'Confirm that it is you', 'Open this page in a second tab', 'Drag the clock ahead', 'Skip', 'Time line']
      for (const stop of stops) {
        await page.keyboard.press('Tab')
        // The name of the time line goes on with what came last.
        t.equal((await focused(page)).replace(/^(Time line).*/, '$1'), stop)
        t.ok(await showsFocus(page), stop)
      }
    })
  }

  t.test('no finding of axe-core on any page, at the width of a phone, light and dark', async t => {
    const url = await openDemo(t)
    // axe-core is a script that the policy of the demo knows nothing of.
    const page = await (await newProfile(t, browser, [], { viewport: phone, bypassCSP: true })).newPage()
    const visit = async (path: string): Promise<void> => {
      await page.goto(url + path)
      t.same(await findings(page), [], path)
    }
    for (const path of ['/', '/login?returnTo=/letter&reason=idle', '/nowhere']) await visit(path)
    await page.goto(`${url}/login`)
    await page.fill('#name', ' ')
    await page.click('main button')
    await page.waitForSelector('text=Please enter a name')
    t.same(await findings(page), [], 'a form with a problem')
    await signIn(page)
    t.same(await findings(page), [], 'the welcome')
    for (const path of ['/', '/account', '/news', '/statement', '/login', '/resumed', '/letter']) await visit(path)
    await page.click('text="Skip"')
    await page.waitForSelector('.session-timeout >> text=Stay signed in', { timeout: 15_000 })
    t.same(await findings(page), [], 'the warning')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.session-timeout', { state: 'detached' })
    await visit('/statement')
    await page.waitForSelector('text=Is it you, Ada?')
    await page.goto(`${url}/letter`)
    await page.fill('#letter', 'Dear Grace,')
    await page.press('#clock', 'End')
    await page.waitForSelector('.session-timeout >> text=You are signed out', { timeout: 15_000 })
    t.same(await findings(page), [], 'the end')
    await visit('/login?returnTo=/session-timeout/resumed&reason=idle')
    await visit('/without')
    await page.click('text=Sign in as Ada')
    await page.waitForSelector('iframe')
    await page.frameLocator('iframe >> nth=1').locator('#letter').waitFor()
    t.same(await findings(page), [], 'two tabs without the plugin')
    await visit('/without/login')
  })

  t.test('without JavaScript: sign in, see the policy, be signed out and told why, and be back', async t => {
    const url = await openDemo(t)
    const page = await (await newProfile(t, browser, [], { viewport: phone, javaScriptEnabled: false })).newPage()
    await page.goto(url)
    for (const text of ['Away at most', '1 minute', '5 minutes', '20 seconds', 'Needs JavaScript']) t.ok(await page.isVisible(`.panel >> text=${text}`), text)
    await page.click('text=Sign in with any name')
    await signIn(page)
    await page.waitForSelector('text=Hello, Ada')
    t.notOk(await page.isVisible('text=Do some work'), 'nothing is offered that does nothing')
    await page.click('nav >> text=News')
    await page.waitForSelector('text=Asking for news needs JavaScript.')
    await page.click('nav >> text=Letter')
    await page.fill('#letter', 'Dear Grace,')
    await page.click('main form button')
    await page.waitForSelector('text=Saved, 11 characters.')
    await page.click('text="Skip"')
    await page.waitForSelector('text=/^\\d+ seconds later/')
    await page.click('nav >> text=Statement')
    await page.click('text=It is me')
    await page.waitForSelector('text=NL00 DEMO')
    for (let skips = 0; skips < 2; skips++) await page.click('text="Skip"')
    await page.waitForSelector('text=You have 1 second left.')
    await page.waitForTimeout(1100)
    await page.click('nav >> text=Letter')
    await page.waitForSelector('[role=alert] >> text=You were signed out because you were inactive')
    await signIn(page)
    await page.waitForSelector('h1 >> text=A letter')
    t.equal(await page.inputValue('#letter'), '', 'and nothing of the old session is left')
    await page.click('text=Sign out')
    await page.waitForSelector('text=Sign in with any name')
  })
}
