import type { AddressInfo } from 'node:net'
import t from 'tap'
import { buildExample } from '../examples/example.js'
import { launchChromium, newProfile } from '../helpers/chromium.js'

const chromium = await launchChromium(t)
if (chromium) {
  t.test('with htmx, a click after the end leads to the sign-in page', async t => {
    // Only the server ends sessions here: the page's own script has no time to.
    const app = await buildExample(t, 'htmx.js', 'buildHtmx', { timeout: { idleTimeout: '2s', warnBefore: '1s', endpoint: false } })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    const page = await (await newProfile(t, chromium, [])).newPage()
    await page.goto(url)
    await page.click('text=Sign in as Ada')
    await page.fill('[name=note]', 'Call Grace')
    await page.click('text=Add')
    await page.waitForSelector('li >> text=Call Grace')
    await page.waitForTimeout(2500)
    await page.fill('[name=note]', 'Too late')
    await page.click('text=Add')
    await page.waitForURL(/login/)
    t.match(page.url(), /\/login\?returnTo=%2F&reason=idle$/)
    t.equal(await page.textContent('[role=alert]'), 'You were signed out because you were inactive for too long.')
    await page.click('text=Sign in as Ada')
    await page.waitForSelector('li >> text=Call Grace')
    t.equal(await page.locator('li >> text=Too late').count(), 0)
  })
}
