import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines } from '../../helpers/engines/engines.js'
import { buildStorySite } from '../../helpers/story-site.js'
import { clickOn, dialog, ended, warned } from './dialog.js'

const story = await launchEngines(t)

story('an untouched page is covered at the end, and no key uncovers it', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 4000, warnBefore: 2000, afterTimeout: 'unauthorized' } })
  const tab = await site.enter(profile, '/page')
  const start = site.lastActivity()!
  await ended(tab)
  const after = Date.now() - start
  t.ok(after >= 4000 && after < 6500, `covered ${after} ms after the last activity`)
  t.equal(site.sessions(), 0)
  for (const key of ['Escape', 'Escape', 'Tab', 'x']) {
    await tab.press(key)
    t.notOk(await tab.isShown('#secret'), `covered after ${key}`)
    t.ok(await tab.isShown(dialog))
  }
})

story('with a page to go to, the end leads there and tells why', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 3000, warnBefore: 1500, afterTimeout: { redirectTo: '/login' } } })
  const tab = await site.enter(profile, '/page')
  await tab.until('the sign-in page', () => location.pathname === '/login')
  t.match(await tab.url(), /returnTo=%2Fpage.*reason=idle/)
  t.equal(site.sessions(), 0)
})

story('"Sign out now" ends the session on the server and covers the page', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: 9000, warnBefore: 7000, afterTimeout: 'unauthorized' } })
  const tab = await site.enter(profile, '/page')
  await warned(tab)
  await clickOn(tab, 'Sign out now')
  await ended(tab)
  t.equal(site.sessions(), 0)
})

story('a key of whoever types when the warning of the absolute limit opens signs nobody out', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { idleTimeout: false, absoluteTimeout: 9000, warnBefore: 7000, afterTimeout: 'unauthorized' } })
  const tab = await site.enter(profile, '/page')
  await tab.click('#note')
  let seen = false
  for (const start = Date.now(); Date.now() - start < 4500;) {
    await tab.type('a ')
    await tab.press('Enter')
    seen ||= await tab.isShown(dialog)
    await sleep(100)
  }
  t.ok(seen, 'the warning opened meanwhile')
  t.notOk(site.calls.some(({ method }) => method === 'DELETE'), 'nothing was signed out')
  t.equal(site.sessions(), 1)
})

story('a guard that sends every anonymous request to the sign-in page does not keep the end from being told', async (t, profile) => {
  const site = await buildStorySite(t, { redirectEverything: true, timeout: { idleTimeout: 3000, warnBefore: 1500, afterTimeout: 'continue' } })
  const tab = await site.enter(profile, '/page')
  await ended(tab)
  t.equal(site.sessions(), 0)
})

story('nor, with a page to go to, from being left', async (t, profile) => {
  const site = await buildStorySite(t, { redirectEverything: true, timeout: { idleTimeout: 3000, warnBefore: 1500, afterTimeout: { redirectTo: '/login' } } })
  const tab = await site.enter(profile, '/page')
  await tab.until('the sign-in page', () => location.pathname === '/login')
  t.equal(site.sessions(), 0)
})
