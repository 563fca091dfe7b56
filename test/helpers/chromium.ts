import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import type { Test } from 'tap'

// Without its background services: they ask for hosts that a test machine cannot reach.
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // An origin that is not secure: 127.0.0.1 is to browsers, also without https.
  '--host-resolver-rules=MAP intranet.test 127.0.0.1']

function findChromium (): string | undefined {
  const { CHROMIUM_PATH, PATH = '' } = process.env
  const candidates = CHROMIUM_PATH ? [CHROMIUM_PATH] : PATH.split(delimiter).flatMap(dir => [join(dir, 'chromium'), join(dir, 'chromium-browser'), join(dir, 'google-chrome')])
  return candidates.find(existsSync)
}

/** Undefined, said aloud, where there is no Chromium; a failure under CI. */
export async function launchChromium (t: Test, { backForwardCache = false } = {}): Promise<Browser | undefined> {
  const executablePath = findChromium()
  if (executablePath === undefined) {
    const message = 'Chromium is missing: install it, or name it in CHROMIUM_PATH'
    if (process.env.CI) t.fail(message)
    else t.comment(`NOT TESTED. ${message}`)
    return undefined
  }
  // playwright turns the back/forward cache off.
  const ignoreDefaultArgs = backForwardCache ? ['--disable-back-forward-cache'] : []
  const browser = await chromium.launch({ executablePath, args, ignoreDefaultArgs })
  t.teardown(() => browser.close())
  return browser
}

/** A new profile, whose pages report every console error and CSP violation to `complaints`; the test fails when there are any at its end. */
export async function newProfile (t: Test, browser: Browser, complaints: string[], options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  t.teardown(async () => {
    await context.close()
    if (complaints.length > 0) throw new Error(`The pages complained: ${complaints.join('; ')}`)
  })
  context.on('page', page => watch(page, complaints))
  return context
}

function watch (page: Page, complaints: string[]): void {
  page.on('pageerror', error => complaints.push(`page error: ${error.message}`))
  page.on('console', message => {
    // What the browser says of every 401 and of a network that is cut is not a fault of the page.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text())
  })
}
