import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { FastifySessionTimeoutOptions } from '../../index.js'
import { buildApp, signedIn } from './app.js'
import { JsonStore } from './stores.js'

/** A real server with pages, for a real browser. */
export interface Site {
  url: string
  store: JsonStore
  /** The requests to the endpoint, without those for the client itself. */
  calls: Array<{ method: string, body: unknown }>
  /** The one session in the store. */
  record (): { startedAt: number, lastActivity: number } | undefined
  /** Signs in and opens a page. */
  enter (context: BrowserContext, path?: string): Promise<Page>
}

const policy = "default-src 'self'; style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

export async function buildSite (t: Test, timeout: FastifySessionTimeoutOptions): Promise<Site> {
  const store = new JsonStore()
  const calls: Site['calls'] = []
  const { app } = await buildApp(t, {
    // Browsers open connections ahead of any request, and a server that closes waits for those for ever.
    server: { forceCloseConnections: true },
    session: { store },
    timeout: { endpoint: '/session-timeout', appliesTo: signedIn, afterTimeout: { redirectTo: '/login' }, ...timeout },
    routes (app) {
      app.addHook('onSend', async (_request, reply) => {
        reply.header('content-security-policy', policy)
      })
      // The endpoint answers before hooks of earlier stages that come after the plugin.
      app.addHook('onSend', async request => {
        if (request.routeOptions.url === '/session-timeout') calls.push({ method: request.method, body: request.body })
      })
      app.get('/login', async (request, reply) => reply.type('text/html').send(`<!doctype html><html lang="en"><title>Sign in</title><h1>Sign in</h1><p id="query">${Object.keys(request.query as object).join(' ')} ${String((request.query as { reason?: string }).reason)}</p>`))
      app.get('/page', async (request, reply) => {
        if (request.session.userId === undefined) return reply.redirect('/login?reason=guard', 303)
        return reply.type('text/html').header('cache-control', 'no-store').send(page)
      })
      // May be kept in the back/forward cache, which no-store forbids.
      app.get('/cached-page', async (_request, reply) => reply.type('text/html').send(page))
      // For pages that bundle the client instead of loading the one that starts itself.
      app.get('/module.js', async (_request, reply) => reply.type('text/javascript').send(await readFile(new URL(import.meta.resolve('fastify-session-timeout/client')), 'utf8')))
      // Another session for the page that asks, as after a second factor.
      app.post('/raise', async request => { await request.session.regenerate(['userId']) })
      // As frameworks do that send forms by fetch.
      app.post('/raise-and-go', async (request, reply) => {
        await request.session.regenerate(['userId'])
        return reply.redirect('/api', 303)
      })
      app.post('/restart', async request => request.sessionTimeout.restart())
      app.get('/api', async () => ({ ok: true }))
      app.get('/poll', { config: { sessionTimeout: { countsAsActivity: false } } }, async () => ({ ok: true }))
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return {
    url,
    store,
    calls,
    record () {
      const [id] = store.sessions()
      return id === undefined ? undefined : store.peek(id)?.sessionTimeout as { startedAt: number, lastActivity: number } | undefined
    },
    async enter (context, path = '/page') {
      await context.request.post(`${url}/sign-in`)
      const page = await context.newPage()
      await page.goto(url + path)
      return page
    }
  }
}

/** Waits until the client, which the page loads as a module, has heard of the session. */
export async function isHeard (page: Page): Promise<void> {
  await page.waitForFunction(async () => {
    const path = '/session-timeout/client.js'
    const { sessionTimeout } = await import(path) as { sessionTimeout: { remaining: number | null } }
    return sessionTimeout.remaining !== null
  })
}

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Account</title><meta name="viewport" content="width=device-width"></head>
<body>
<main><h1>Account</h1><p id="secret">Balance: 1,234</p>
<label>Note <textarea id="note"></textarea></label> <button id="button">A button</button> <a href="/login">Elsewhere</a></main>
<script type="module" src="/session-timeout/client.js"></script>
</body>
</html>`
