import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { launchEngines, type Profile, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite, type StorySite } from '../../helpers/story-site.js'
import { limit } from './dialog.js'

/** A hundred take minutes: CACHE_TRIES=100. */
const tries = Number(process.env.CACHE_TRIES ?? 5)
const story = await launchEngines(t)

const ways: Record<string, string> = {
  'as it handed them on': 'fetch(event.request).then(async response => { await cache.put(path, response.clone()); return response })',
  'ahead of time': 'cache.add(path).then(() => cache.match(path))'
}

for (const [name, way] of Object.entries(ways)) {
  story(`pages of one user that a service worker keeps, ${name}, are never shown to another`, async (t, profile) => {
    const site = await build(t, way)
    const tab = await install(profile, site)
    await tab.goto(`${site.url}/enter?to=/page`)
    // The worker has it now.
    await tab.goto(`${site.url}/page`)
    await isSeen(tab, 'its own user sees it')
    for (let round = 0; round < tries; round++) {
      await tab.evaluate(() => fetch('/sign-in?user=eve', { method: 'POST' }).then(response => response.text()))
      await tab.goto(`${site.url}/page?${round}`)
      const first = await tab.evaluate(() => document.querySelector('#secret')!.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      t.notOk(first, 'covered when it comes')
      for (let looks = 0; looks < 10; looks++) {
        await sleep(100)
        t.notOk(await tab.isShown('#secret'), 'and from then on')
      }
      await tab.evaluate(() => fetch('/sign-in?user=ada', { method: 'POST' }).then(response => response.text()))
      await tab.goto(`${site.url}/page?again`)
      await isSeen(tab, 'its own user sees it again')
    }
  })
}

story('pages without a session are shown by a service worker as before, also out of its cache', async (t, profile) => {
  const site = await build(t, ways['as it handed them on']!)
  const tab = await install(profile, site)
  await tab.goto(`${site.url}/page`)
  await isSeen(tab, 'a visitor sees it')
  await tab.goto(`${site.url}/page?again`)
  await isSeen(tab, 'out of the cache too')
})

async function build (t: Parameters<typeof buildStorySite>[0], way: string): Promise<StorySite> {
  return buildStorySite(t, {
    timeout: { idleTimeout: limit, warnBefore: 60_000, afterTimeout: 'unauthorized' },
    routes (app) {
      app.get('/keeper.js', { config: { sessionTimeout: false } }, async (_request, reply) => reply.type('text/javascript').send(`
addEventListener('install', () => skipWaiting())
addEventListener('activate', event => event.waitUntil(clients.claim()))
addEventListener('fetch', event => {
  const path = new URL(event.request.url).pathname
  if (event.request.mode !== 'navigate' || path !== '/page') return
  event.respondWith(caches.open('pages').then(async cache => await cache.match(path) ?? ${way}))
})`))
    }
  })
}

async function install (profile: Profile, site: StorySite): Promise<Tab> {
  const tab = await profile.newTab()
  await tab.goto(`${site.url}/login`)
  await tab.evaluate(async () => {
    await navigator.serviceWorker.register('/keeper.js')
    await navigator.serviceWorker.ready
  })
  return tab
}

function isSeen (tab: Tab, what: string): Promise<void> {
  return tab.until(what, () => document.querySelector('#secret')?.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
}
