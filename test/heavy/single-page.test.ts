import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import staticFiles from '@fastify/static'
import react from '@vitejs/plugin-react'
import Fastify, { type FastifyInstance } from 'fastify'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { build } from 'vite'
import { launchChromium, newProfile } from '../helpers/chromium.js'

const root = fileURLToPath(new URL('../../examples/single-page/', import.meta.url))
const { buildApi }: { buildApi: (options: object) => Promise<FastifyInstance> } = await import(`${root}api.js`)

/** The application as it would be deployed: its pages on one origin, its API on another. */
async function openApplication (t: Test, timeout: object): Promise<string> {
  const outDir = t.testdir()
  const pages = Fastify({ forceCloseConnections: true })
  await pages.register(staticFiles, { root: outDir, wildcard: true })
  await pages.listen({ port: 0, host: '127.0.0.1' })
  const page = addressOf(pages)
  const api = await buildApi({ pages: [page], timeout })
  await api.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => Promise.all([pages.close(), api.close()]))
  await build({ root, configFile: false, logLevel: 'error', plugins: [react()], build: { outDir }, define: { 'import.meta.env.VITE_API': JSON.stringify(addressOf(api)) } })
  return page
}

function addressOf (app: FastifyInstance): string {
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}

async function signIn (page: Page): Promise<void> {
  await page.fill('[name=name]', 'Ada')
  await page.click('text=Sign in')
  await page.waitForSelector('text=Hello, Ada')
}

async function open (context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const browser = await launchChromium(t)
if (browser) {
  t.test('on two origins: signs in by fetch, is warned, extended, ended, and is back in place', async t => {
    const url = await openApplication(t, { idleTimeout: '6s', warnBefore: '3s', touchInterval: '1s' })
    const context = await newProfile(t, browser, [])
    const page = await open(context, url)
    await signIn(page)
    t.equal(page.url(), `${url}/`, 'no page was left')
    await page.fill('[name=letter]', 'Dear Grace,')
    await page.click('text=Save')
    await page.waitForSelector('text=Saved 11 characters.')
    await page.type('[name=letter]', ' half of what I have to say')

    const warning = page.locator('[role=alertdialog] >> text=Are you still there?')
    await warning.waitFor()
    t.equal(await page.locator('.session-timeout').count(), 0, 'the warning is the one of the application')
    await page.waitForTimeout(1100)
    await page.click('text=I am here')
    await warning.waitFor({ state: 'detached' })
    await warning.waitFor()
    await page.waitForSelector('.session-timeout >> text=You are signed out')
    t.notOk(await page.isVisible('[name=letter]'))

    // What comes sooner is no answer.
    await page.waitForTimeout(600)
    const [other] = await Promise.all([context.waitForEvent('page'), page.click('.session-timeout button')])
    await signIn(other)
    await page.waitForSelector('.session-timeout', { state: 'detached' })
    t.equal(page.url(), `${url}/`)
    t.equal(await page.inputValue('[name=letter]'), 'Dear Grace, half of what I have to say')
    await page.click('text=Save')
    await page.waitForSelector('text=Saved 38 characters.')
  })

  t.test('signing out in one tab shows in the other', async t => {
    const url = await openApplication(t, { idleTimeout: '60s', warnBefore: '20s' })
    const context = await newProfile(t, browser, [])
    const page = await open(context, url)
    await signIn(page)
    const other = await open(context, url)
    await other.waitForSelector('text=Hello, Ada')
    await page.click('text=Sign out')
    await other.waitForSelector('.session-timeout >> text=signed out')
    t.notOk(await other.isVisible('[name=letter]'))
  })
}
