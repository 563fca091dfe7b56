import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines, type Profile, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite, type StorySite } from '../../helpers/story-site.js'
import { clickOn, dialog, ended, isGone, letPass, timeout } from './dialog.js'

const story = await launchEngines(t)
const words = 'Dear Sir, '

story('half-written work is covered in place at the end, and comes back after a sign-in in another tab', async (t, profile) => {
  const site = await build(t)
  const tab = await writeUntilTheEnd(profile, site)
  t.match(await tab.url(), /\/letter$/, 'the page was not left')
  await profile.newTab().then(other => other.goto(`${site.url}/enter?to=/page`))
  await isBack(t, tab)
})

story('it comes back after a sign-in by fetch in the page itself', async (t, profile) => {
  const site = await build(t)
  const tab = await writeUntilTheEnd(profile, site)
  await tab.evaluate(async () => { await fetch('/sign-in?user=ada', { method: 'POST' }) })
  await isBack(t, tab)
})

story('it comes back after a sign-in in the tab that the button opens, which then closes itself', async (t, profile) => {
  const site = await build(t)
  const tab = await writeUntilTheEnd(profile, site)
  const other = await openSignIn(tab, profile)
  await other.click('#name')
  await other.type('ada')
  await other.click('#enter')
  await isBack(t, tab)
  for (let tries = 0; ; tries++) {
    if (await other.url().then(() => false, () => true)) break
    if (tries === 50) throw new Error(`The tab did not close itself: ${await other.url()}`)
    await sleep(100)
  }
})

story('another user who signs in there sees nothing of it, and it comes back to its own user after that', async (t, profile) => {
  const site = await build(t)
  const tab = await writeUntilTheEnd(profile, site)
  await tab.evaluate(async () => { await fetch('/sign-in?user=eve', { method: 'POST' }) })
  const other = await profile.newTab()
  await other.goto(`${site.url}/page`)
  for (let looks = 0; looks < 20; looks++) {
    await sleep(100)
    t.notOk(await tab.isShown('#secret') || await tab.isShown('#note'), 'covered')
  }
  await other.goto(`${site.url}/enter?user=ada&to=/page`)
  await isBack(t, tab)
})

story('a page that keeps nothing is left at the end as before', async (t, profile) => {
  const site = await build(t)
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site, 3000)
  await tab.until('the sign-in page', () => location.pathname === '/login')
  t.equal(await tab.evaluate(() => document.querySelector('#secret')), null)
})

function build (t: Parameters<typeof buildStorySite>[0]): Promise<StorySite> {
  return buildStorySite(t, { timeout: { ...timeout, afterTimeout: { redirectTo: '/login' } } })
}

async function writeUntilTheEnd (profile: Profile, site: StorySite): Promise<Tab> {
  const tab = await site.enter(profile, '/letter')
  await tab.evaluate(() => {
    document.addEventListener('sessionresumed', () => { document.documentElement.dataset.resumed = 'yes' })
  })
  await tab.click('#note')
  await tab.type(words)
  await letPass(tab, site, 3000)
  await ended(tab)
  return tab
}

/** The button, and the page that it opens. */
async function openSignIn (tab: Tab, profile: Profile): Promise<Tab> {
  await clickOn(tab, 'Sign in again')
  for (let tries = 0; tries < 50; tries++) {
    const opened = await profile.openedTab()
    if (opened) {
      await opened.until('the sign-in page', () => location.pathname === '/login' && document.querySelector('#enter'))
      return opened
    }
    await sleep(100)
  }
  throw new Error('No tab was opened')
}

async function isBack (t: Parameters<typeof buildStorySite>[0], tab: Tab): Promise<void> {
  await isGone(tab)
  await tab.until('the page', () => document.querySelector('#secret')?.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  t.equal(await tab.evaluate(() => document.querySelector<HTMLTextAreaElement>('#note')!.value), words, 'every character is there')
  t.equal(await tab.evaluate(() => document.documentElement.dataset.resumed), 'yes', 'the application was told')
  t.notOk(await tab.isShown(dialog))
}
