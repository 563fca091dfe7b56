import type { Tab } from '../../helpers/engines/engines.js'

/** The client's own dialog: the pages of the stories have no other of this role. */
export const dialog = '[role=alertdialog]'

/** Waits until the warning is there for a person to see. */
export function warned (tab: Tab): Promise<void> {
  return tab.until('the warning', isShown, [dialog, 'Stay signed in'])
}

export function isGone (tab: Tab): Promise<void> {
  return tab.until('no dialog', selector => document.querySelector(selector) === null, [dialog])
}

/** Clicks on that button of the dialog, by a real mouse. */
export async function clickOn (tab: Tab, text: string): Promise<void> {
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
