import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { choose } from './choose.js'
import { openDemo } from './demo-site.js'

const browser = await launchChromium(t)
if (browser) {
  t.test('the letter survives the end, and the time line tells the story', async t => {
    const url = await openDemo(t)
    const context = await newProfile(t, browser, [])
    const page = await context.newPage()
    await page.goto(`${url}/login?returnTo=/letter`)
    await page.fill('[name=name]', 'Ada')
    await page.click('main button')
    await page.fill('#letter', 'Dear Grace, half of what')
    await page.click('text=Skip to the warning')
    await page.waitForSelector('.session-timeout >> text=Stay signed in', { timeout: 15_000 })
    await page.keyboard.press('Escape')
    await page.waitForSelector('.session-timeout', { state: 'detached' })
    await page.click('text=Skip to the end')
    await page.waitForSelector('.session-timeout >> text=You are signed out', { timeout: 15_000 })
    t.notOk(await page.isVisible('#letter'))

    const [other] = await Promise.all([context.waitForEvent('page'), choose(page, 'Sign in again')])
    await other.fill('[name=name]', 'Ada')
    const closed = other.waitForEvent('close')
    await other.click('main button')
    await closed
    await page.waitForSelector('.session-timeout', { state: 'detached' })
    t.equal(await page.inputValue('#letter'), 'Dear Grace, half of what')
    const story = await page.evaluate("Array.from(document.querySelectorAll('.timeline li'), item => item.className).reverse().join(' ')")
    t.match(story, /^activity .*ahead .*warning .*activity .*ahead .*warning .*ended .*activity/)
    await page.click('main form button')
    await page.waitForSelector('text=Saved, 24 characters.')
  })

  t.test('at the width of a phone nothing sticks out, light or dark', async t => {
    const url = await openDemo(t)
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await newProfile(t, browser, [], { viewport: { width: 320, height: 640 }, colorScheme })
      const page = await context.newPage()
      await page.goto(`${url}/login`)
      await page.fill('[name=name]', 'Ada')
      await page.click('main button')
      for (const path of ['/', '/account', '/news', '/letter', '/statement', '/login']) {
        await page.goto(url + path)
        t.ok(await page.evaluate('document.documentElement.scrollWidth <= 320'), `${path}, ${colorScheme}`)
      }
    }
  })
}
