import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { dialog } from './engines/dialog.js'
import { findings } from './looks/axe.js'
import { measure } from './looks/measure.js'
import { buildStateSite, openIn, states } from './looks/states.js'

const { resolve } = createRequire(import.meta.url)

// What applications build on, as it is published, and what they write themselves.
const sheets: Record<string, string> = {
  none: '',
  ordinary: 'body { background: #fff; color: #222; font: 16px Georgia, serif } h2, p { color: #333 } button { color: #444; background: #ddd; border: 0 }',
  'a root of 62.5 %': 'html { font-size: 62.5% } body { font-size: 1.6rem } * { margin: 0; padding: 0; box-sizing: border-box }',
  'Tailwind preflight': await css('tailwindcss/preflight.css'),
  Pico: await css('@picocss/pico/css/pico.min.css'),
  Bootstrap: await css('bootstrap/dist/css/bootstrap.min.css'),
  'GOV.UK': await css('govuk-frontend/dist/govuk/govuk-frontend.min.css')
}

interface Surroundings {
  colorScheme?: 'light' | 'dark'
  forcedColors?: 'active' | 'none'
  viewport?: { width: number, height: number }
  dir?: 'rtl'
  fontSize?: string
}

const surroundings: Record<string, Surroundings> = {
  light: {},
  dark: { colorScheme: 'dark' },
  'forced colours': { forcedColors: 'active' },
  'forced dark colours': { forcedColors: 'active', colorScheme: 'dark' },
  // Also what is left of a window of 1280 by 1024 px at 400 %.
  '320 px': { viewport: { width: 320, height: 256 } },
  'text at 200 %': { viewport: { width: 640, height: 480 }, fontSize: '200%' },
  'from right to left': { dir: 'rtl' }
}

const browser = await launchChromium(t)
if (browser) {
  t.jobs = 3

  for (const state of states) {
    t.test(`${state}: readable, in the window and without a finding over any style sheet`, { buffered: true }, async t => {
      const site = await buildStateSite(t, state, app => {
        app.get('/looks', async (_request, reply) => {
          return reply.type('text/html').header('content-security-policy', "style-src 'unsafe-inline'").send(accountPage(state === 'kept and ended'))
        })
      })
      const context = await newProfile(t, browser, [])
      const page = await openIn(state, site, context, '/looks')
      for (const [sheet, text] of Object.entries(sheets)) {
        for (const [name, around] of Object.entries(surroundings)) {
          await dress(page, text, around)
          const label = `${state}, ${sheet}, ${name}`
          t.same(await page.evaluate(measure, dialog), { faint: [], small: [], blurred: [], tiny: [], outside: [], hidden: [], aside: [] }, label)
          if (name === 'text at 200 %') t.equal(await page.locator(dialog).evaluate(element => getComputedStyle(element).fontSize), '32px', `follows the root: ${label}`)
          // What the style sheets make of their own pages is not looked at.
          if (name === 'light' || name === 'dark') t.same(await findings(page, dialog), [], `axe-core: ${label}`)
        }
      }
    })
  }
}

async function dress (page: Page, sheet: string, { colorScheme = 'light', forcedColors = 'none', viewport, dir, fontSize }: Surroundings): Promise<void> {
  await page.emulateMedia({ colorScheme, forcedColors })
  await page.setViewportSize(viewport ?? { width: 1280, height: 800 })
  await page.evaluate(([sheet, theme, dir, fontSize]) => {
    document.querySelector('#sheet')!.textContent = sheet!
    const root = document.documentElement
    root.dir = dir!
    root.dataset.bsTheme = theme!
    root.style.fontSize = fontSize!
  }, [sheet, colorScheme, dir ?? 'ltr', fontSize ?? ''])
}

function css (path: string): Promise<string> {
  return readFile(resolve(path), 'utf8')
}

function accountPage (keeps: boolean): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Account</title><meta name="viewport" content="width=device-width"><style id="sheet"></style></head>
<body class="govuk-template__body">
<main><h1>Account</h1><p id="secret">Balance: 1,234</p>
<form ${keeps ? 'data-session-timeout-keep' : ''}><label>Note <textarea id="note"></textarea></label> <button type="button">A button</button></form></main>
<script type="module" src="/session-timeout/client.js"></script>
</body>
</html>`
}
