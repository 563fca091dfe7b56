import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import t from 'tap'
import { launchEngines, type Tab } from '../helpers/engines/engines.js'
import { buildStorySite } from '../helpers/story-site.js'
import { clickOn, isGone, letPass, timeout } from './engines/dialog.js'

// The libraries that applications open their modals with, as they are published.
const libraries = ['focus-trap', 'radix', 'headless-ui', 'native']
const text = 'half-written'

const story = await launchEngines(t)
const scripts = new Map(await Promise.all(libraries.map(async name => [name, await bundle(name)] as const)))

for (const library of libraries) {
  story(`over a modal of ${library}, a click, Enter and Esc stay, and the modal keeps its text`, async (t, profile) => {
    const site = await buildStorySite(t, {
      timeout,
      routes (app) {
        app.get('/modal.js', async (_request, reply) => reply.type('text/javascript').send(scripts.get(library)))
        app.get('/modal', async (_request, reply) => {
          // The libraries write styles of their own.
          reply.header('content-security-policy', "default-src 'self'; style-src 'self' 'unsafe-inline'")
          return reply.type('text/html').send(page(library))
        })
      }
    })
    const tab = await site.enter(profile, '/modal')
    await tab.until('the page', () => document.readyState === 'complete' && document.querySelector('#open'))
    await tab.click('#open')
    await tab.until('the modal of the page', () => document.querySelector('#text')?.checkVisibility())
    await tab.click('#text')
    await tab.type(text)

    await letPass(tab, site)
    let before = site.lastActivity()!
    await clickOn(tab, 'Stay signed in')
    await isGone(tab)
    await site.untilExtended(before)
    t.equal(await textOf(tab), text, 'after a click')
    await tab.press('!')
    t.equal(await textOf(tab), `${text}!`, 'the keyboard works after a click')

    for (const key of ['Enter', 'Escape']) {
      await letPass(tab, site)
      before = site.lastActivity()!
      // Before that, a key is one of somebody who was typing.
      await sleep(1200)
      await tab.press(key)
      await isGone(tab)
      await site.untilExtended(before)
      t.equal(await textOf(tab), `${text}!`, `after ${key}`)
    }
    await tab.press('?')
    t.equal(await textOf(tab), `${text}!?`, 'the focus is back in the modal')
  })
}

/** Undefined when the modal was closed. */
function textOf (tab: Tab): Promise<string | undefined> {
  return tab.evaluate(() => {
    const field = document.querySelector<HTMLTextAreaElement>('#text')
    return field?.checkVisibility() ? field.value : undefined
  })
}

async function bundle (name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`modals/${name}.js`, import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"production"' }
  })
  return outputFiles[0]!.text
}

function page (library: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${library}</title></head>
<body>
<p id="secret">Balance: 1,234</p>
<div id="app">${/radix|headless/.test(library) ? '' : '<button id="open">Open</button>'}</div>
<script type="module" src="/modal.js"></script>
<script type="module" src="/session-timeout/client.js"></script>
</body>
</html>`
}
