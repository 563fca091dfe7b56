import { setTimeout as sleep } from 'node:timers/promises'
import type { Tab } from '../../helpers/engines/engines.js'
import type { StorySite } from '../../helpers/story-site.js'

/** The client's own dialog: the pages of the stories have no other of this role. */
export const dialog = '[role=alertdialog]'

/** Limits that no slow machine gets near by itself. */
export const limit = 300_000
export const timeout = { idleTimeout: limit, warnBefore: 60_000, afterTimeout: 'unauthorized', touchInterval: 1000 } as const

/**
 * Lets so much time be left that the page warns, and waits for that: nothing depends on how fast the machine is.
 * What the user did shortly before may be reported just then; then time passes once more.
 */
export async function letPass (tab: Tab, site: StorySite, left = 40_000): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    site.age(limit - left)
    const aged = site.lastActivity()!
    await tab.evaluate(() => fetch('/poll').then(response => response.text()))
    for (let looks = 0; looks < 20 && site.lastActivity() === aged; looks++) {
      if (await tab.isShown(dialog)) return
      await sleep(50)
    }
    // Too late for a warning: the machine was slow, and nothing has told the page.
    if (site.sessions() === 0) await tab.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })) })
  }
  throw new Error('No warning')
}

/** Waits until the warning is there for a person to see. */
export function warned (tab: Tab): Promise<void> {
  return tab.until('the warning', isShown, [dialog, 'Stay signed in'])
}

export function isGone (tab: Tab): Promise<void> {
  return tab.until('no dialog', selector => document.querySelector(selector) === null, [dialog])
}

/** Clicks on that button of the dialog, by a real mouse, as somebody does who has read it: what comes sooner is no answer. */
export async function clickOn (tab: Tab, text: string): Promise<void> {
  await sleep(600)
  await tab.evaluate((selector, text) => {
    for (const old of document.querySelectorAll('[data-next]')) old.removeAttribute('data-next')
    const button = [...document.querySelectorAll(`${selector} button`)].find(button => button.textContent === text)
    if (!button) throw new Error(`No button ${text} in: ${document.querySelector(selector)?.textContent}`)
    button.setAttribute('data-next', '')
  }, dialog, text)
  await tab.click('[data-next]')
}

function isShown (selector: string, text: string): boolean {
  const found = document.querySelector<HTMLElement>(selector)
  return !!found && found.textContent!.includes(text) && found.getClientRects().length > 0
}

/** Waits until the page is covered and offers to sign in again. */
export function ended (tab: Tab): Promise<void> {
  return tab.until('the cover of an ended session', selector => {
    const found = document.querySelector(selector)
    const secret = document.querySelector('#secret')
    return !!found?.getClientRects().length && [...found.querySelectorAll('button')].some(button => button.textContent === 'Sign in again') &&
      !secret?.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  }, [dialog])
}
