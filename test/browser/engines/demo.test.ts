import { fileURLToPath } from 'node:url'
import t from 'tap'
import { launchEngines, type Tab } from '../../helpers/engines/engines.js'
import { said, start } from '../../helpers/engines/program.js'
import { root } from '../../helpers/root.js'

const story = await launchEngines(t)

story('the demo: two tabs side by side both warn and end, and the letter is back after a sign-in in the other one', async (t, profile) => {
  // In a process of its own: skipping sets the clock of the whole process.
  const demo = start(t, process.execPath, [fileURLToPath(new URL('examples/demo/server.js', root))], { env: { PATH: process.env.PATH, PORT: '0' } })
  const tab = await profile.newTab()
  await tab.goto(await said(demo, demo.stdout!, /(http:\/\/\S+)/))
  await tab.click('main button')
  await tab.until('the draft', () => document.querySelectorAll('iframe')[1]?.contentDocument?.querySelector('textarea')?.value.startsWith('Dear Grace,'))
  await tab.until('the first entry', () => document.querySelector('.timeline .activity'))

  await skip(tab)
  for (const frame of [0, 1]) await shows(tab, frame, 'Stay signed in')
  await skip(tab)
  await shows(tab, 0, 'Your session is over')
  await shows(tab, 1, 'What you entered is safe')
  t.notOk(await isLetterShown(tab))

  await tab.evaluate(() => {
    const page = document.querySelector('iframe')!.contentDocument!
    page.querySelector<HTMLInputElement>('#name')!.value = 'Ada'
    page.querySelector<HTMLButtonElement>('main button')!.click()
  })
  await shows(tab, 0, 'Last payments')
  await tab.until('the letter', () => document.querySelectorAll('iframe')[1]!.contentDocument!.querySelector('textarea')!.checkVisibility({ visibilityProperty: true }))
  t.equal(await tab.evaluate(() => [...document.querySelectorAll('.timeline li')].map(item => item.className).reverse().join(' ')),
    'activity ahead warning ahead ended activity resumed', 'each thing once')
})

/** By whichever of the buttons there is room for. */
async function skip (tab: Tab): Promise<void> {
  await tab.until('a clock to set', () => !document.querySelector<HTMLButtonElement>('[value=next]')!.disabled)
  await tab.evaluate(() => { document.querySelector<HTMLButtonElement>('[value=next]')!.click() })
}

function shows (tab: Tab, frame: number, text: string): Promise<void> {
  return tab.until(text, (frame: number, text: string) => document.querySelectorAll('iframe')[frame]?.contentDocument?.documentElement.textContent?.includes(text), [frame, text])
}

function isLetterShown (tab: Tab): Promise<boolean> {
  return tab.evaluate(() => document.querySelectorAll('iframe')[1]!.contentDocument!.querySelector('textarea')!.checkVisibility({ visibilityProperty: true }))
}
