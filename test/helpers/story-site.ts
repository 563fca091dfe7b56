import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp } from './app.js'
import type { Profile, Tab } from './engines/engines.js'
import { JsonStore } from './stores.js'

/** A real server with the pages of the main story. */
export interface StorySite {
  url: string
  /** The requests to the endpoint, without those for the client itself. */
  calls: Array<{ method: string, body: unknown }>
  /** How many sessions are live. */
  sessions (): number
  /** What the clock of the server says, epoch ms. */
  now (): number
  /** The last activity of the one session. */
  lastActivity (): number | undefined
  /** Makes the one session as old as if its user had done nothing for so long. */
  age (ms: number): void
  /** Takes every session out of the store: signed out elsewhere. */
  forget (): void
  /** Waits until the last activity is later than that. */
  untilExtended (before: number): Promise<void>
  /** Signs in and opens a page. */
  enter (profile: Profile, path: string): Promise<Tab>
}

interface TimedRecord {
  startedAt: number
  lastActivity: number
}

interface Stored {
  sessionTimeout?: TimedRecord
}

export interface StoryOptions {
  timeout: FastifySessionTimeoutOptions
  /** A guard that sends every anonymous request to the sign-in page, also those to the endpoint: a common mistake. */
  redirectEverything?: boolean
  /** Further routes of one story. */
  routes?: (app: FastifyInstance) => void
}

const policy = "default-src 'self'"

interface Clock {
  /** Ms that it goes ahead of the clock of the machine. */
  ahead: number
}

// Stories of several browsers run at once in one process. The clock of one site must not move that of another.
const clocks = new AsyncLocalStorage<Clock>()
const { now } = Date
Date.now = () => now() + (clocks.getStore()?.ahead ?? 0)

export async function buildStorySite (t: Test, options: StoryOptions): Promise<StorySite> {
  const clock: Clock = { ahead: 0 }
  // What a server does follows from where it began to listen.
  return clocks.run(clock, () => buildSite(t, clock, options))
}

async function buildSite (t: Test, clock: Clock, { timeout, redirectEverything = false, routes }: StoryOptions): Promise<StorySite> {
  const store = new JsonStore()
  const calls: StorySite['calls'] = []
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { endpoint: '/session-timeout', user: session => session.userId, ...timeout },
    routes (app) {
      // The endpoint answers before hooks of earlier stages that come after the plugin.
      app.addHook('onSend', async (request, reply) => {
        if (request.routeOptions.url === '/session-timeout') calls.push({ method: request.method, body: request.body })
        if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', policy)
      })
      app.addHook('preHandler', async (request, reply) => {
        const { url } = request.routeOptions
        const open = ['/login', '/sign-in', '/enter', '/favicon.ico'].includes(url ?? '')
        if (redirectEverything && !open && request.session.userId === undefined) return reply.redirect('/login', 302)
      })
      // Opening it is no activity of whoever is signed in still.
      app.get('/login', { config: { sessionTimeout: false } }, async (request, reply) => {
        const { returnTo = '/page' } = request.query as { returnTo?: string }
        return reply.type('text/html').header('cache-control', 'no-store').send(signInPage(returnTo))
      })
      for (const [path, body] of Object.entries(pages)) {
        app.get(path, async (_request, reply) => reply.type('text/html').header('cache-control', 'no-store').send(body))
      }
      // As a file server or a CDN would: nothing of the session in its headers.
      app.get('/shell', { config: { sessionTimeout: false } }, async (_request, reply) => reply.type('text/html').send(pages['/page']))
      // The page that an application's own sign-in lands on.
      app.get('/enter', async (request, reply) => {
        const { user = 'ada', to = '/page' } = request.query as { user?: string, to?: string }
        await request.session.regenerate()
        request.session.userId = user
        return reply.redirect(to, 303)
      })
      app.get('/picture', async (_request, reply) => reply.redirect('/picture.svg', 302))
      app.get('/picture.svg', async (_request, reply) => reply.type('image/svg+xml').send('<svg xmlns="http://www.w3.org/2000/svg"/>'))
      app.get('/worker.js', { config: { sessionTimeout: false } }, async (_request, reply) => reply.type('text/javascript').send(worker))
      // Browsers ask for it when they like: that is no activity of the story's user.
      app.get('/favicon.ico', { config: { sessionTimeout: false } }, async (_request, reply) => reply.code(204).send())
      app.get('/api', async () => ({ ok: true }))
      // Tells how much time is left, and takes none of it away.
      app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async () => ({ ok: true }))
      routes?.(app)
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  // What the plugin keeps beside the sessions is none of them. By the clock of the site: what lies in the future does not count.
  const records = (): TimedRecord[] => clocks.run(clock, () => store.sessions().flatMap(id => (store.peek(id) as Stored).sessionTimeout ?? []))
  const lastActivity = (): number | undefined => records()[0]?.lastActivity
  return {
    url,
    calls,
    sessions: () => records().length,
    now: () => now() + clock.ahead,
    lastActivity,
    age (ms) {
      // The server remembers the clocks of its sessions: to make one old, its own clock goes ahead.
      // Where no idle limit counts, activity makes nothing younger.
      const from = timeout.idleTimeout === false ? records()[0]?.startedAt : lastActivity()
      clock.ahead = Math.max(clock.ahead, ms + (from ?? 0) - now())
    },
    forget: () => store.data.clear(),
    async untilExtended (before) {
      for (let tries = 0; (lastActivity() ?? 0) <= before; tries++) {
        if (tries === 100) throw new Error('The session was not extended in the store')
        await sleep(50)
      }
    },
    async enter (profile, path) {
      const tab = await profile.newTab()
      await tab.goto(`${url}/enter?to=${encodeURIComponent(path)}`)
      return tab
    }
  }
}

/** Another user takes over in another tab of the same browser, on pages without the client, and stays active there. */
export async function takeOver (profile: Profile, site: StorySite, user: string): Promise<Tab> {
  const tab = await profile.newTab()
  await tab.goto(`${site.url}/login`)
  // Firefox now and then loses the requests of a window that it has just opened.
  await tab.until(`${user} is signed in`, async user => (await fetch(`/sign-in?user=${user}`, { method: 'POST' })).ok, [user])
  await tab.evaluate(() => { setInterval(() => fetch('/api').catch(() => {}), 300) })
  return tab
}

function page (title: string, body: string, client = true): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><meta name="viewport" content="width=device-width"></head>
<body>
<main><h1>${title}</h1>
${body}
</main>
${client ? '<script type="module" src="/session-timeout/client.js"></script>' : ''}
</body>
</html>`
}

const balance = '<p id="secret">Balance: 1,234</p>'
const note = '<label>Note <textarea id="note" rows="4" cols="40"></textarea></label> <button id="button" type="button">A button</button>'

const pages = {
  '/page': page('Account', balance + note),
  '/letter': page('Letter', `${balance}<form action="/sent" method="post" data-session-timeout-keep>${note}</form>`),
  '/framed': page('Mail', `${balance}${note}<iframe id="frame" src="/editor" title="Editor" width="400" height="200"></iframe>`),
  '/editor': '<!doctype html><html lang="en"><title>Editor</title><textarea id="text" aria-label="Text" rows="30" cols="80"></textarea></html>',
  '/around': page('Portal', '<iframe id="frame" src="/page" title="Account" width="600" height="400"></iframe>', false)
}

function signInPage (to: string): string {
  const escaped = to.replace(/[&"<]/g, sign => `&#${sign.charCodeAt(0)};`)
  return page('Sign in', `<form action="/enter"><input type="hidden" name="to" value="${escaped}">
<label>Name <input id="name" name="user"></label> <button id="enter">Sign in</button></form>`, false)
}

// One that only hands on what it gets, as many applications install for other events.
const worker = `
addEventListener('install', () => skipWaiting())
addEventListener('activate', event => event.waitUntil(clients.claim()))
addEventListener('fetch', event => event.respondWith(fetch(event.request)))
`
