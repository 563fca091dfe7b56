import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { buildApp } from '../helpers/app.js'
import { createBrowser, type Browser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { hour, minute } from '../helpers/time.js'
import { follow } from './recipe.js'

declare module 'fastify' {
  interface Session {
    state?: string
    returnTo?: string
  }
}

/** An application, and an identity provider of its own that gives a token for each code. */
async function buildSite (t: Test): Promise<{ browser: Browser, store: JsonStore }> {
  const provider = createServer(async (request, response) => {
    const code = new URLSearchParams(await text(request)).get('code')
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ access_token: `token for ${code}`, token_type: 'bearer' }))
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  t.teardown(() => {
    provider.closeAllConnections()
    provider.close()
  })
  const tokenHost = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { user: session => session.userId, afterTimeout: 'unauthorized', endpoint: '/session-timeout' },
    async routes (app) {
      await follow('@fastify/oauth2', app, {
        provider: { tokenHost, tokenPath: '/token', authorizePath: '/authorize' },
        userOf: async (token: { access_token: string }) => token.access_token.replace('token for ', '')
      })
      await follow('@fastify/oauth2', app, { verifyLogoutToken }, 1)
    }
  })
  return { browser: createBrowser(app), store }
}

/** Stands for what a library does with a token that the provider has signed. */
async function verifyLogoutToken (token: string): Promise<{ sub: string }> {
  if (!token.startsWith('signed for ')) throw Object.assign(new Error('No token of the provider'), { statusCode: 400 })
  return { sub: token.replace('signed for ', '') }
}

/** Begins to sign in; gives the state that the provider is to send back. */
async function leave (browser: Browser, returnTo = '/me'): Promise<string> {
  const { headers } = await browser.get(`/login?returnTo=${encodeURIComponent(returnTo)}`)
  return new URL(headers.location!).searchParams.get('state')!
}

t.test('a visitor may take longer at the provider than a user may be idle', async t => {
  const clock = fakeClock(t)
  const { browser, store } = await buildSite(t)
  const state = await leave(browser)
  t.equal(store.peek(store.sessions()[0]!)?.sessionTimeout, undefined, 'a session of nobody keeps no clock')
  const before = browser.cookie('sessionId')
  clock.tick(2 * hour)
  const back = await browser.get(`/login/callback?code=ada&state=${state}`)
  t.equal(back.headers.location, '/me')
  t.not(browser.cookie('sessionId'), before)
  t.match((await browser.get('/me')).json(), { userId: 'ada', remaining: 30 * minute })
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).statusCode, 401)
})

t.test('a state of somebody else is refused, and the way back is only to paths of the site', async t => {
  fakeClock(t)
  const { browser } = await buildSite(t)
  const state = await leave(browser, 'https://evil.example/')
  t.equal((await browser.get('/login/callback?code=ada&state=forged')).statusCode, 500)
  t.equal((await browser.get(`/login/callback?code=ada&state=${state}`)).headers.location, '/')
  t.match((await browser.get('/me')).json(), { userId: 'ada' })
})

t.test('signing in again over a session that has ended works at once', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t)
  await browser.get(`/login/callback?code=ada&state=${await leave(browser)}`)
  clock.tick(30 * minute)
  t.equal((await browser.get('/me')).statusCode, 401)
  await browser.get(`/login/callback?code=grace&state=${await leave(browser)}`)
  t.match((await browser.get('/me')).json(), { userId: 'grace' })
})

t.test('a session that ends while its user is at the provider costs nothing but the state', async t => {
  const clock = fakeClock(t)
  const { browser } = await buildSite(t)
  await browser.get(`/login/callback?code=ada&state=${await leave(browser)}`)
  const state = await leave(browser)
  clock.tick(30 * minute)
  const back = await browser.get(`/login/callback?code=ada&state=${state}`)
  t.not(back.statusCode, 401, 'the callback is asked, not the plugin')
  await browser.get(`/login/callback?code=ada&state=${await leave(browser)}`)
  t.match((await browser.get('/me')).json(), { userId: 'ada' })
})

t.test('a back-channel logout ends every session of the user, and a forged one none', async t => {
  fakeClock(t)
  const { browser } = await buildSite(t)
  await browser.get(`/login/callback?code=ada&state=${await leave(browser)}`)
  const provider = browser.clone()
  provider.closeBrowser()
  t.equal((await provider.post('/backchannel-logout', { logout_token: 'forged for ada' })).statusCode, 400)
  t.match((await browser.get('/me')).json(), { userId: 'ada' })
  t.equal((await provider.post('/backchannel-logout', { logout_token: 'signed for ada' })).statusCode, 200)
  t.match((await browser.get('/me')).json(), { userId: null })
})
