import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite, takeOver, type StorySite } from '../../helpers/story-site.js'

const story = await launchEngines(t)
const idleTimeout = 4000
const timeout = { idleTimeout, warnBefore: 1500, afterTimeout: 'unauthorized' } as const

story('a page of one user is not shown past its deadline to the next user of the browser', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site)
})

story('nor when it has loaded a picture from behind a redirect of the same origin', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await sleep(500)
  await tab.evaluate(async () => {
    const picture = new Image()
    picture.src = '/picture'
    await new Promise(resolve => { picture.onload = picture.onerror = resolve })
  })
  await sleep(500)
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site)
})

story('nor a page whose response told nothing of the session and which calls an API', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/shell')
  await tab.evaluate(async () => { await fetch('/api') })
  await sleep(500)
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site)
})

story('nor under a service worker that hands on what it gets', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { ...timeout, idleTimeout: 5000 } })
  const tab = await site.enter(profile, '/login')
  await tab.evaluate(async () => {
    await navigator.serviceWorker.register('/worker.js')
    await navigator.serviceWorker.ready
  })
  await tab.goto(`${site.url}/page`)
  await tab.until('a page under the service worker', () => navigator.serviceWorker.controller !== null)
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site, 5000)
})

story('nor in a frame', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/around')
  await tab.until('the page in the frame', () => document.querySelector('iframe')?.contentDocument?.querySelector('#secret'))
  await takeOver(profile, site, 'eve')
  const hidden = (): boolean => {
    const secret = document.querySelector('iframe')!.contentDocument!.querySelector('#secret')
    return !secret?.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  }
  await tab.until('the page in the frame is covered', hidden)
  for (let looks = 0; looks < 10; looks++) {
    await sleep(100)
    t.ok(await tab.evaluate(hidden), 'and stays covered')
  }
})

story('a page whose response told nothing of the session is warned and covered all the same', async (t, profile) => {
  const site = await buildStorySite(t, { timeout: { ...timeout, idleTimeout: 3000 } })
  const tab = await site.enter(profile, '/shell')
  await isHidden(tab, site, 3000)
  t.equal(site.sessions(), 0)
})

story('the same user who has signed in again meanwhile keeps the page', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await sleep(500)
  await takeOver(profile, site, 'ada')
  await sleep(idleTimeout + 1000)
  await tab.until('the page', () => document.querySelector('#secret')?.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
})

/** From shortly after its deadline on, the page is covered, for good. */
async function isHidden (tab: Tab, site: StorySite, limit = idleTimeout): Promise<void> {
  const isCovered = (): boolean => !document.querySelector('#secret')?.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  await tab.until('the page is covered', isCovered, [], limit + 2500)
  for (let looks = 0; looks < 10; looks++) {
    await sleep(100)
    if (!await tab.evaluate(isCovered)) throw new Error(`Uncovered again; ${site.sessions()} sessions`)
  }
}
