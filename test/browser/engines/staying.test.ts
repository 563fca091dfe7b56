import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite } from '../../helpers/story-site.js'
import { clickOn, dialog, isGone, warned } from './dialog.js'

const story = await launchEngines(t)

story('the warning comes, and a click on "Stay signed in" extends the session on the server', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 6000, warnBefore: 4000 } })
  const tab = await site.enter(profile, '/page')
  const before = site.lastActivity()!
  await warned(tab)
  t.ok(Date.now() - before >= 2000, 'not before it is due')
  t.match(await tab.text(dialog), /signed out in [234] seconds/)
  await clickOn(tab, 'Stay signed in')
  await isGone(tab)
  await site.untilExtended(before)
  t.ok(await tab.isShown('#secret'))
})

story('Esc stays at once, also for whoever was typing', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 6000, warnBefore: 4500 } })
  const tab = await site.enter(profile, '/page')
  const before = site.lastActivity()!
  await warned(tab)
  await tab.press('a')
  await tab.press('Escape')
  await isGone(tab)
  await site.untilExtended(before)
})

for (const key of ['Enter', 'Space']) {
  story(`${key} stays after a second without keys, and does nothing before`, async (t, profile) => {
    const site = await buildStorySite(t, { timeout: { idleTimeout: 8000, warnBefore: 6000 } })
    const tab = await site.enter(profile, '/page')
    await tab.click('#note')
    await tab.press('x')
    const start = site.lastActivity()!
    await warned(tab)
    const before = site.lastActivity()!
    await tab.press('x')
    await tab.press(key)
    await sleep(300)
    t.equal(site.lastActivity(), before, 'nothing is extended by a key of whoever was typing')
    t.ok(await tab.isShown(dialog), 'the warning stands')
    await sleep(1200)
    await tab.press(key)
    await isGone(tab)
    await site.untilExtended(Math.max(before, start))
  })
}

story('the focus goes to the dialog, and back to where it was', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 5000, warnBefore: 3500 } })
  const tab = await site.enter(profile, '/page')
  await tab.click('#note')
  await warned(tab)
  const [inside, onButton] = await tab.evaluate(selector => {
    const { activeElement } = document
    return [document.querySelector(selector)!.contains(activeElement), activeElement instanceof HTMLButtonElement]
  }, dialog)
  t.ok(inside, 'the focus is in the dialog')
  t.notOk(onButton, 'on no button')
  await tab.press('Escape')
  await isGone(tab)
  t.equal(await tab.evaluate(() => document.activeElement?.id), 'note')
})

story('typing for longer than the idle limit keeps the session, and no warning comes', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 4000, warnBefore: 1500 } })
  const tab = await site.enter(profile, '/page')
  await tab.click('#note')
  const written = await typeFor(tab, 6000)
  t.notOk(await tab.isShown(dialog))
  t.equal(await tab.evaluate(() => document.querySelector<HTMLTextAreaElement>('#note')!.value), written)
  t.equal(site.sessions(), 1)
  t.ok(site.calls.some(({ method, body }) => method === 'POST' && typeof (body as { idleFor?: number }).idleFor === 'number'))
})

story('typing in a frame keeps the session of the page around it', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 8000, warnBefore: 1500, touchInterval: 500 } })
  const tab = await site.enter(profile, '/framed')
  await tab.click('#frame')
  const written = await typeFor(tab, 11_000)
  t.notOk(await tab.isShown(dialog))
  t.equal(await tab.evaluate(() => document.querySelector<HTMLIFrameElement>('#frame')!.contentDocument!.querySelector('textarea')!.value), written)
  t.equal(site.sessions(), 1)
})

story('a body that is replaced while the warning is shown does not take the warning away', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 7000, warnBefore: 5000 } })
  const tab = await site.enter(profile, '/page')
  const before = site.lastActivity()!
  await warned(tab)
  await tab.evaluate(() => {
    const heading = document.createElement('h1')
    heading.textContent = 'Another page'
    const body = document.createElement('body')
    body.append(heading)
    document.body.replaceWith(body)
  })
  await warned(tab)
  await clickOn(tab, 'Stay signed in')
  await isGone(tab)
  await site.untilExtended(before)
})

story('nor do nodes of the document element that are replaced', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 7000, warnBefore: 5000 } })
  const tab = await site.enter(profile, '/page')
  const before = site.lastActivity()!
  await warned(tab)
  await tab.evaluate(() => { document.documentElement.replaceChildren(document.head, document.createElement('body')) })
  await warned(tab)
  await tab.press('Escape')
  await isGone(tab)
  await site.untilExtended(before)
})

/** @returns what was written */
async function typeFor (tab: Tab, ms: number): Promise<string> {
  const start = Date.now()
  let written = ''
  while (Date.now() - start < ms) {
    await tab.press('w')
    written += 'w'
    await sleep(250)
  }
  return written
}
