import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines } from '../../helpers/engines/engines.js'
import { buildStorySite } from '../../helpers/story-site.js'
import { clickOn, dialog, ended, letPass, limit, timeout } from './dialog.js'

const story = await launchEngines(t)

story('an untouched page is covered at the end, and no key uncovers it', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site, 3000)
  const end = site.lastActivity()! + limit
  await ended(tab)
  t.ok(site.now() >= end, 'not before')
  t.equal(site.sessions(), 0)
  for (const key of ['Escape', 'Escape', 'Tab', 'x']) {
    await tab.press(key)
    t.notOk(await tab.isShown('#secret'), `covered after ${key}`)
    t.ok(await tab.isShown(dialog))
  }
})

story('with a page to go to, the end leads there and tells why', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { ...timeout, afterTimeout: { redirectTo: '/login' } } })
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site, 3000)
  await tab.until('the sign-in page', () => location.pathname === '/login')
  t.match(await tab.url(), /returnTo=%2Fpage.*reason=idle/)
  t.equal(site.sessions(), 0)
})

story('"Sign out now" ends the session on the server and covers the page', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site)
  await clickOn(tab, 'Sign out now')
  await ended(tab)
  t.equal(site.sessions(), 0)
})

story('a key of whoever types when the warning of the absolute limit opens signs nobody out', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { ...timeout, idleTimeout: false, absoluteTimeout: limit } })
  const tab = await site.enter(profile, '/page')
  await tab.click('#note')
  const opened = letPass(tab, site)
  let seen = 0
  for (let tries = 0; seen < 5 && tries < 100; tries++) {
    await tab.press('a', 'Space', 'Enter')
    if (await tab.isShown(dialog)) seen++
    await sleep(100)
  }
  await opened
  t.equal(seen, 5, 'the warning opened meanwhile')
  t.notOk(site.calls.some(({ method }) => method === 'DELETE'), 'nothing was signed out')
  t.equal(site.sessions(), 1)
})

story('a guard that sends every anonymous request to the sign-in page does not keep the end from being told', async (t, profile) => {
  const site = await buildStorySite(t, { redirectEverything: true, timeout: { ...timeout, afterTimeout: 'continue' } })
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site, 3000)
  await ended(tab)
  t.equal(site.sessions(), 0)
})

story('nor, with a page to go to, from being left', async (t, profile) => {
  const site = await buildStorySite(t, { redirectEverything: true, timeout: { ...timeout, afterTimeout: { redirectTo: '/login' } } })
  const tab = await site.enter(profile, '/page')
  await letPass(tab, site, 3000)
  await tab.until('the sign-in page', () => location.pathname === '/login')
  t.equal(site.sessions(), 0)
})
