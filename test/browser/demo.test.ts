import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { choose } from './choose.js'
import { openDemo } from './demo-site.js'

/** By the mouse, to so many seconds after the last activity. */
async function dragTo (page: Page, second: number): Promise<void> {
  const clock = page.locator('#clock')
  await clock.scrollIntoViewIfNeeded()
  await page.waitForSelector('.timeline .activity')
  const { x, y, width, height } = (await clock.boundingBox())!
  const now = Number(await clock.inputValue())
  // The thumb does not leave the track.
  const thumb = 26
  const at = (value: number): number => x + thumb / 2 + (width - thumb) * value / 60
  await page.mouse.move(at(now), y + height / 2)
  await page.mouse.down()
  await page.mouse.move(at(second), y + height / 2, { steps: 5 })
  await page.mouse.up()
}

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
    t.equal(story, 'activity ahead warning activity ahead warning ended activity resumed', 'each thing once')
    await page.click('main form button')
    await page.waitForSelector('text=Saved, 24 characters.')
  })

  t.test('two tabs side by side: both warn, both end, and the letter is back when its user is', async t => {
    const url = await openDemo(t)
    const page = await (await newProfile(t, browser, [])).newPage()
    await page.goto(url)
    await page.click('text=Sign in as Ada')
    const [first, second] = [page.frameLocator('iframe >> nth=0'), page.frameLocator('iframe >> nth=1')]
    const text = await second.locator('#letter').inputValue()
    t.match(text, /^Dear Grace,/)
    await dragTo(page, 41)
    await second.locator('.session-timeout >> text=Stay signed in').waitFor()
    await page.waitForTimeout(600)
    await first.locator('.session-timeout >> text=Stay signed in').click()
    await second.locator('.session-timeout').waitFor({ state: 'detached' })

    await dragTo(page, 60)
    await first.locator('text=You were signed out because').waitFor({ timeout: 15_000 })
    await second.locator('.session-timeout p:visible >> text=What you entered is safe >> nth=0').waitFor()
    t.notOk(await second.locator('#letter').isVisible())
    t.equal(await page.textContent('[data-left]'), 'Session over')
    const signIn = async (name: string): Promise<void> => {
      await first.locator('#name').fill(name)
      await first.locator('main button').click()
      await first.locator('h1 >> text=Statement').waitFor()
    }
    await signIn('Grace')
    await page.waitForTimeout(1000)
    t.notOk(await second.locator('#letter').isVisible(), 'somebody else does not see it')
    await first.locator('header button').click()
    await first.locator('text=You have signed out').waitFor()
    await signIn('Ada')
    await second.locator('#letter').waitFor()
    t.equal(await second.locator('#letter').inputValue(), text)
    const story = await page.evaluate("Array.from(document.querySelectorAll('.timeline li'), item => item.className).reverse().join(' ')")
    t.equal(story, 'activity ahead warning activity ahead warning ended activity ended activity resumed', 'each thing once, whichever tab heard of it')
  })

  t.test('the time line and "Your session" show the same times', async t => {
    const url = await openDemo(t)
    const page = await (await newProfile(t, browser, [])).newPage()
    await page.goto(`${url}/login`)
    await page.fill('[name=name]', 'Ada')
    await page.click('main button')
    await dragTo(page, 30)
    await page.waitForSelector('.timeline .ahead')
    await page.click('text=Do some work')
    await page.waitForSelector('.timeline .activity >> nth=1')
    const times = (selector: string): Promise<string[]> => page.evaluate(`Array.from(document.querySelectorAll('${selector}'), time => time.textContent)`)
    const [last, signedIn] = await times('.timeline .activity time')
    t.strictSame((await times('dd time')).slice(0, 2), [signedIn, last])
    t.not(signedIn, last)
  })

  t.test('without the plugin nothing happens on the pages', async t => {
    const url = await openDemo(t)
    const page = await (await newProfile(t, browser, [])).newPage()
    await page.goto(`${url}/without`)
    await page.click('text=Sign in as Ada')
    const [first, second] = [page.frameLocator('iframe >> nth=0'), page.frameLocator('iframe >> nth=1')]
    await second.locator('#letter').waitFor()
    await page.click('text=Skip to the end')
    await page.waitForSelector('.timeline .ended')
    await page.waitForTimeout(1000)
    t.ok(await first.locator('text=NL00 DEMO').isVisible())
    await second.locator('main form button').click()
    await second.locator('h1 >> text=Sign in').waitFor()
    t.ok(await first.locator('text=NL00 DEMO').isVisible(), 'still')
  })

  t.test('on a phone the clock is a bar at the lower edge, with its time line', async t => {
    const url = await openDemo(t)
    const page = await (await newProfile(t, browser, [], { viewport: { width: 390, height: 844 } })).newPage()
    await page.goto(`${url}/login?returnTo=/account`)
    await page.fill('[name=name]', 'Ada')
    await page.click('main button')
    await page.waitForSelector('.latest >> text=Signed in')
    const { y, height } = (await page.locator('.panel').boundingBox())!
    t.equal(Math.round(y + height), 844)
    t.ok(height < 120, `${height} px high`)
    t.notOk(await page.isVisible('.timeline'))
    await page.click('text=Time line')
    t.ok(await page.isVisible('.timeline >> text=Signed in'))
    await page.click('text="Skip"')
    await page.waitForSelector('.session-timeout >> text=Stay signed in')
  })

  t.test('at the width of a phone nothing sticks out, light or dark', async t => {
    const url = await openDemo(t)
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await newProfile(t, browser, [], { viewport: { width: 320, height: 640 }, colorScheme })
      const page = await context.newPage()
      await page.goto(`${url}/login`)
      await page.fill('[name=name]', 'Ada')
      await page.click('main button')
      for (const path of ['/', '/without', '/account', '/news', '/letter', '/statement', '/login', '/resumed']) {
        await page.goto(url + path)
        t.ok(await page.evaluate('document.documentElement.scrollWidth <= 320'), `${path}, ${colorScheme}`)
      }
    }
  })
}
