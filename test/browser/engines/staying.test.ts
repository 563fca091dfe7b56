import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite } from '../../helpers/story-site.js'
import { clickOn, dialog, isGone, letPass, limit, timeout, warned } from './dialog.js'

const story = await launchEngines(t)

story('the warning comes when it is due, and a click on "Stay signed in" extends the session on the server', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  site.age(limit - timeout.warnBefore - 2000)
  const before = site.lastActivity()!
  await tab.evaluate(() => fetch('/poll').then(response => response.text()))
  await warned(tab)
  t.ok(site.now() >= before + limit - timeout.warnBefore, 'not before')
  t.match(await tab.text(dialog), /signed out in (1 minute|\d+ seconds)/)
  await clickOn(tab, 'Stay signed in')
  await isGone(tab)
  await site.untilExtended(before)
  t.ok(await tab.isShown('#secret'))
})

story('Esc stays at once, also for whoever was typing; the focus is on no button, and goes back to where it was', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await tab.evaluate(() => document.querySelector<HTMLElement>('#note')!.focus())
  await letPass(tab, site)
  const [inside, onButton] = await tab.evaluate(selector => {
    const { activeElement } = document
    return [document.querySelector(selector)!.contains(activeElement), activeElement instanceof HTMLButtonElement]
  }, dialog)
  t.ok(inside, 'the focus is in the dialog')
  t.notOk(onButton, 'on no button')
  const before = site.lastActivity()!
  await tab.press('a', 'Escape')
  await isGone(tab)
  await site.untilExtended(before)
  t.equal(await tab.evaluate(() => document.activeElement?.id), 'note')
})

story('Enter and Space stay after a second without keys, and do nothing before', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  for (const key of ['Enter', 'Space']) {
    await letPass(tab, site)
    const before = site.lastActivity()!
    await tab.press('x', key)
    await sleep(300)
    t.equal(site.lastActivity(), before, 'nothing is extended by a key of whoever was typing')
    t.ok(await tab.isShown(dialog), 'the warning stands')
    await sleep(1200)
    await tab.press(key)
    await isGone(tab)
    await site.untilExtended(before)
  }
})

story('a page that is replaced while the warning is shown does not take the warning away', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  const replacements: Record<string, () => void> = {
    'what is in the body': () => document.body.replaceChildren('Another page'),
    'the body': () => document.body.replaceWith(document.createElement('body')),
    'what is in the document': () => document.documentElement.replaceChildren(document.head, document.createElement('body'))
  }
  for (const [what, replace] of Object.entries(replacements)) {
    await letPass(tab, site)
    const before = site.lastActivity()!
    await tab.evaluate(replace)
    await sleep(300)
    await warned(tab)
    await clickOn(tab, 'Stay signed in')
    await isGone(tab)
    await site.untilExtended(before)
    t.pass(what)
  }
})

story('typing for longer than the idle limit keeps the session, and no warning comes', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 8000, warnBefore: 1500, touchInterval: 500 } })
  const tab = await site.enter(profile, '/page')
  await tab.click('#note')
  const written = await typeFor(tab, 9500)
  t.notOk(await tab.isShown(dialog))
  t.equal(await tab.evaluate(() => document.querySelector<HTMLTextAreaElement>('#note')!.value), written)
  t.equal(site.sessions(), 1)
  t.ok(site.calls.some(({ method, body }) => method === 'POST' && typeof (body as { idleFor?: number }).idleFor === 'number'))
})

story('typing in a frame keeps the session of the page around it', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 8000, warnBefore: 1500, touchInterval: 500 } })
  const tab = await site.enter(profile, '/framed')
  await tab.until('the editor', () => document.querySelector<HTMLIFrameElement>('#frame')!.contentDocument!.querySelector('textarea'))
  await tab.click('#frame')
  const written = await typeFor(tab, 9500)
  t.notOk(await tab.isShown(dialog))
  const text = await tab.evaluate(() => document.querySelector<HTMLIFrameElement>('#frame')!.contentDocument!.querySelector('textarea')!.value)
  t.ok(text.length > written.length / 2, `the keys went into the frame: ${text.length} of ${written.length}`)
  t.equal(site.sessions(), 1)
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
