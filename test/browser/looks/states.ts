import type { BrowserContext, Page, Route } from 'playwright-core'
import type { Test } from 'tap'
import { buildStorySite, type StoryOptions, type StorySite } from '../../helpers/story-site.js'
import { dialog } from '../engines/dialog.js'

/** Each thing that the dialog can say. */
export const states = ['warning', 'limit', 'checking', 'retry', 'ended', 'kept and ended'] as const
export type State = typeof states[number]

const endpoint = /\/session-timeout(\?|$)/
const hour = 3_600_000
// Long enough to look at from all sides.
const timeouts: Record<State, StoryOptions['timeout']> = {
  warning: { idleTimeout: hour, warnBefore: hour - 500 },
  limit: { idleTimeout: false, absoluteTimeout: hour, warnBefore: hour - 500 },
  checking: {},
  retry: {},
  ended: {},
  'kept and ended': {}
}

/** A site whose page, at `path`, can be brought into the state. */
export function buildStateSite (t: Test, state: State, routes?: StoryOptions['routes']): Promise<StorySite> {
  const timeout = { afterTimeout: 'unauthorized' as const, ...timeouts[state] }
  return buildStorySite(t, { timeout, ...(routes && { routes }) })
}

/** Opens the page and brings it into the state: by what the server and the network do. */
export async function openIn (state: State, site: StorySite, context: BrowserContext, path: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${site.url}/enter?to=${encodeURIComponent(path)}`)
  await page.waitForLoadState()
  if (state === 'warning' || state === 'limit') await shows(page, state === 'warning' ? 'Stay signed in' : '')
  else await wakeInto(state, site, context, page)
  return page
}

async function wakeInto (state: State, site: StorySite, context: BrowserContext, page: Page): Promise<void> {
  // Not before the client has heard that there is a session: a page that never had one is not covered.
  await page.waitForFunction(async () => {
    const path = '/session-timeout/client.js'
    const { sessionTimeout } = await import(path) as { sessionTimeout: { remaining: number | null } }
    return sessionTimeout.remaining !== null
  })
  if (state === 'kept and ended') await page.fill('#note', 'Dear Sir, ')
  if (state === 'checking') await page.route(endpoint, () => {})
  if (state === 'retry') await page.route(endpoint, (route: Route) => route.abort())
  if (state === 'ended' || state === 'kept and ended') await context.request.post(`${site.url}/sign-out`)
  await page.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
  await shows(page, { checking: 'Checking', retry: 'Try again', ended: 'Sign in again', 'kept and ended': 'Sign in again', warning: '', limit: '' }[state])
}

async function shows (page: Page, text: string): Promise<void> {
  await page.waitForFunction(([selector, text]) => {
    const found = document.querySelector(selector!)
    return !!found?.getClientRects().length && found.textContent!.includes(text!)
  }, [dialog, text])
  // Of what is being checked nothing is seen for a while.
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)))
}
