import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite, takeOver, type StorySite } from '../../helpers/story-site.js'
import { ended, limit } from './dialog.js'

// The page asks before it warns: not before another user has taken over.
const warnBefore = 500
const timeout = { idleTimeout: limit, warnBefore, afterTimeout: 'unauthorized' } as const
const story = await launchEngines(t)

story('a page of one user is not shown past its deadline to the next user of the browser', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await nearTheEnd(tab, site)
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
  await nearTheEnd(tab, site)
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site)
})

story('nor a page whose response told nothing of the session and which calls an API', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/shell')
  await tab.evaluate(() => fetch('/api').then(response => response.text()))
  await nearTheEnd(tab, site)
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site)
})

story('nor under a service worker that hands on what it gets', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/login')
  await tab.evaluate(async () => {
    await navigator.serviceWorker.register('/worker.js')
    await navigator.serviceWorker.ready
  })
  await tab.goto(`${site.url}/page`)
  await tab.until('a page under the service worker', () => navigator.serviceWorker.controller !== null)
  await nearTheEnd(tab, site)
  await takeOver(profile, site, 'eve')
  await isHidden(tab, site)
})

story('nor in a frame', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/around')
  await tab.until('the page in the frame', () => document.querySelector('iframe')?.contentDocument?.querySelector('#secret'))
  await nearTheEnd(tab, site)
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
  // Nothing tells it but its own question.
  const site = await buildStorySite(t, { timeout: { ...timeout, idleTimeout: 5000 } })
  const tab = await site.enter(profile, '/shell')
  await ended(tab)
  t.equal(site.sessions(), 0)
})

story('the same user who has signed in again meanwhile keeps the page', async (t, profile) => {
  const site = await buildStorySite(t, { timeout })
  const tab = await site.enter(profile, '/page')
  await nearTheEnd(tab, site)
  await takeOver(profile, site, 'ada')
  await sleep(4000)
  await tab.until('the page', () => document.querySelector('#secret')?.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
})

/** Little time is left, and the page has asked and knows it: whatever a service worker or a file server keeps from it. */
async function nearTheEnd (tab: Tab, site: StorySite): Promise<void> {
  await asked(site, 0)
  site.age(limit - 3000)
  const before = questions(site)
  await tab.evaluate(() => {
    const view = (document.querySelector('iframe')?.contentWindow ?? window) as Window & typeof globalThis
    view.dispatchEvent(new view.PageTransitionEvent('pageshow', { persisted: true }))
  })
  await asked(site, before)
}

function questions (site: StorySite): number {
  return site.calls.filter(({ method }) => method === 'GET').length
}

/** Waits until the page has asked more often than that, and has had time to hear the answer. */
async function asked (site: StorySite, times: number): Promise<void> {
  for (let tries = 0; questions(site) <= times; tries++) {
    if (tries === 200) throw new Error('The client has asked nothing')
    await sleep(50)
  }
  await sleep(300)
}

/** From shortly after its deadline on, the page is covered, for good. */
async function isHidden (tab: Tab, site: StorySite): Promise<void> {
  const isCovered = (): boolean => !document.querySelector('#secret')?.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  await tab.until('the page is covered', isCovered)
  for (let looks = 0; looks < 10; looks++) {
    await sleep(100)
    if (!await tab.evaluate(isCovered)) throw new Error(`Uncovered again; ${site.sessions()} sessions`)
  }
}
