// Takes pictures of the dialog into screenshots/: light, dark, narrow, in forced colours, and the end;
// and makes those of the README, in docs/images, with the recording.
import { mkdirSync } from 'node:fs'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import { chromium } from 'playwright-core'
import sessionTimeout from 'fastify-session-timeout'
import { drawPicture } from './readme-picture.mjs'
import { record } from './recording.mjs'

const app = Fastify()
await app.register(cookie)
await app.register(session, { secret: 'a secret for pictures that is long enough to sign', rolling: false, saveUninitialized: false, cookie: { secure: false, sameSite: 'lax' } })
await app.register(sessionTimeout, { idleTimeout: '90s', warnBefore: '85s', user: session => session.user, endpoint: '/session-timeout' })
app.get('/', async (request, reply) => {
  request.session.user = 'ada'
  const { lang, dir } = request.query
  return reply.type('text/html').send(`<!doctype html><html lang="${lang ?? 'en'}" dir="${dir ?? 'ltr'}"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Account</title><h1>Your account</h1><p>Balance: 1,234</p><script type="module" src="/session-timeout/client.js"></script>`)
})
const url = await app.listen({ port: 0, host: '127.0.0.1' })

mkdirSync('screenshots', { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
})
const wide = { width: 800, height: 500 }
for (const [name, options, query] of [
  ['light', { viewport: wide }, ''],
  ['dark', { viewport: wide, colorScheme: 'dark' }, ''],
  ['narrow', { viewport: { width: 320, height: 500 } }, '?lang=de'],
  ['zoom-200', { viewport: { width: 400, height: 250 }, deviceScaleFactor: 2 }, '?lang=fr'],
  ['forced-colors', { viewport: wide, forcedColors: 'active' }, ''],
  ['right-to-left', { viewport: wide }, '?dir=rtl']
]) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  await page.goto(`${url}/${query}`)
  await page.waitForSelector('.session-timeout', { timeout: 20_000 })
  await page.screenshot({ path: `screenshots/${name}.png` })
  if (name === 'light') {
    await page.click('.session-timeout button:nth-child(2)')
    await page.waitForSelector('.session-timeout >> text=You are signed out')
    await page.screenshot({ path: 'screenshots/ended.png' })
  }
  await context.close()
}
for (const scheme of ['light', 'dark']) {
  const context = await browser.newContext({ viewport: { width: 760, height: 330 }, colorScheme: scheme, deviceScaleFactor: 2 })
  const page = await context.newPage()
  await page.goto(`${url}/`)
  await page.waitForSelector('.session-timeout', { timeout: 20_000 })
  await drawPicture(browser, scheme, await page.screenshot())
  await context.close()
  await record(browser, scheme)
}
await browser.close()
await app.close()
