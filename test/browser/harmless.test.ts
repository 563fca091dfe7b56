import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page, Route } from 'playwright-core'
import t from 'tap'
import type { SessionTimeoutClient } from '../../client/index.js'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { buildSite } from '../helpers/site.js'

const browser = await launchChromium(t)
if (browser) {
  const wrong: Record<string, (route: Route) => Promise<void> | void> = {
    '404 with the header of a live session': route => route.fulfill({ status: 404, headers: { 'server-timing': 'session-timeout;dur=900000' } }),
    'the page of an SPA fallback': route => route.fulfill({ status: 200, contentType: 'text/html', headers: { 'server-timing': 'session-timeout;dur=900000' }, body: '<!doctype html>' }),
    'a redirect': route => route.fulfill({ status: 302, headers: { location: '/login' } }),
    401: route => route.fulfill({ status: 401 }),
    429: route => route.fulfill({ status: 429 }),
    500: route => route.fulfill({ status: 500 }),
    'a dead network': route => route.abort(),
    nonsense: route => route.fulfill({ status: 200, contentType: 'application/json', body: '{"active":true,"remaining":0,"warnBefore":"soon"}' })
  }

  for (const [name, answer] of Object.entries(wrong)) {
    t.test(`an endpoint that answers with ${name} is asked less and less, and extends nothing`, async t => {
      const site = await buildSite(t, { idleTimeout: 4000, warnBefore: 1000, afterTimeout: 'unauthorized' })
      const context = await newProfile(t, browser, [])
      const warnings: string[] = []
      const page = await site.enter(context, '/login')
      page.on('console', message => { if (message.type() === 'warning') warnings.push(message.text()) })
      let asked = 0
      await page.route('**/elsewhere*', route => {
        asked++
        return answer(route)
      })
      await start(page, '/elsewhere')
      await page.waitForTimeout(7000)
      t.ok(asked >= 1 && asked <= 5, `${asked} requests in 7 s`)
      t.ok(warnings.length <= 1, 'the developer is told at most once')
      await context.request.get(`${site.url}/api`)
      t.same(site.store.sessions(), [], 'the session has ended in time')
    })
  }

  t.test('asking at a wrong address of the application is no activity there', async t => {
    const site = await buildSite(t, { idleTimeout: '30m', touchInterval: 0 })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context, '/login')
    await page.evaluate(async () => {
      const path = '/module.js'
      await import(path)
    })
    const before = site.record()!.lastActivity
    const asked = page.waitForResponse(/\/api/)
    await start(page, '/api')
    await asked
    t.equal(site.record()!.lastActivity, before)
  })

  t.test('the base of a page leads no call to another site', async t => {
    const asked: string[] = []
    const other = createServer((request, response) => {
      asked.push(request.url!)
      response.end()
    }).listen(0, '127.0.0.1')
    t.teardown(() => other.close())
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [], { bypassCSP: true })
    const page = await site.enter(context, '/login')
    await page.evaluate(href => { document.head.append(Object.assign(document.createElement('base'), { href })) }, `http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
    await page.evaluate(async url => {
      const { startSessionTimeout } = await import(url) as typeof import('../../client/index.js')
      Object.assign(window, { client: startSessionTimeout({ endpoint: '/session-timeout' }) })
    }, `${site.url}/module.js`)
    await page.waitForFunction(() => (window as unknown as { client: SessionTimeoutClient }).client.state === 'live')
    t.same(asked, [])
  })

  t.test('a second start gives the first client, and no endpoint none', async t => {
    const site = await buildSite(t, { idleTimeout: '30m' })
    const context = await newProfile(t, browser, [])
    const page = await site.enter(context, '/login')
    t.same(await page.evaluate(async () => {
      const path = '/module.js'
      const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
      const refused = [undefined, '', 'session-timeout', '//evil.example/x', '/x?y'].map(endpoint => {
        try {
          startSessionTimeout({ endpoint: endpoint as string })
        } catch (error) {
          return (error as Error).name
        }
        return 'accepted'
      })
      const first = startSessionTimeout({ endpoint: '/session-timeout' })
      const same = startSessionTimeout({ endpoint: '/session-timeout/' }) === first
      first.stop()
      return { refused, same, again: startSessionTimeout({ endpoint: '/session-timeout' }) === first }
    }), { refused: Array(5).fill('TypeError'), same: true, again: false })
  })

  for (const lack of ['HTMLDialogElement', 'BroadcastChannel', 'adoptedStyleSheets']) {
    t.test(`a browser without ${lack} gets a page that works, and says why nobody is warned`, async t => {
      const complaints: string[] = []
      const site = await buildSite(t, { idleTimeout: 3000, warnBefore: 2000 })
      const context = await newProfile(t, browser, complaints)
      await context.addInitScript(lack => {
        delete (window as unknown as Record<string, unknown>)[lack]
        delete (Document.prototype as unknown as Record<string, unknown>)[lack]
      }, lack)
      const warnings: string[] = []
      context.on('page', page => page.on('console', message => { if (message.type() === 'warning') warnings.push(message.text()) }))
      const page = await site.enter(context)
      await page.waitForTimeout(2000)
      t.ok(await page.isVisible('#secret'))
      t.match(warnings, [lack])
      t.equal(await page.evaluate(async () => {
        const path = '/session-timeout/client.js'
        return (await import(path)).sessionTimeout.end()
      }), true, 'signing out works')
      t.same(complaints, [])
    })
  }

  async function start (page: Page, endpoint: string): Promise<void> {
    await page.evaluate(async endpoint => {
      const path = '/module.js'
      const { startSessionTimeout } = await import(path) as typeof import('../../client/index.js')
      startSessionTimeout({ endpoint })
    }, endpoint)
  }
}
