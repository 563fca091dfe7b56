import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { dialog } from './engines/dialog.js'
import { accessibilityTree } from './looks/accessibility-tree.js'
import { findings } from './looks/axe.js'
import { buildStateSite, openIn, type State } from './looks/states.js'

const trees: Record<State, string[]> = {
  warning: [
    'alertdialog "Your session ends soon", "For your security, you will be signed out in {time}.", focused true, modal true',
    '  heading "Your session ends soon", level 2',
    '  status "", live polite, atomic true',
    '    text "For your security, you will be signed out in {time}."',
    '  button "Stay signed in"',
    '  button "Sign out now"'
  ],
  limit: [
    'alertdialog "Your session ends soon", "Your session ends in {time}. Please save your work.", focused true, modal true',
    '  heading "Your session ends soon", level 2',
    '  status "", live polite, atomic true',
    '    text "Your session ends in {time}. Please save your work."',
    '  button "Continue working"',
    '  button "Sign out and in again"'
  ],
  checking: [
    'alertdialog "Checking your session", "For your security, this page is not shown.", focused true, modal true',
    '  heading "Checking your session", level 2',
    '  status "", live polite, atomic true',
    '    text "For your security, this page is not shown."'
  ],
  retry: [
    'alertdialog "Checking your session", "The server does not answer. Please check your connection.", focused true, modal true',
    '  heading "Checking your session", level 2',
    '  status "", live polite, atomic true',
    '    text "The server does not answer. Please check your connection."',
    '  button "Try again"'
  ],
  ended: [
    'alertdialog "You are signed out", "Your session is over. For your security, this page is not shown.", focused true, modal true',
    '  heading "You are signed out", level 2',
    '  status "", live polite, atomic true',
    '    text "Your session is over. For your security, this page is not shown."',
    '  button "Sign in again"'
  ],
  'kept and ended': [
    'alertdialog "You are signed out", "Your session is over. What you entered is safe. Sign in as the same user to get it back.", focused true, modal true',
    '  heading "You are signed out", level 2',
    '  status "", live polite, atomic true',
    '    text "Your session is over. What you entered is safe. Sign in as the same user to get it back."',
    '  button "Sign in again"'
  ]
}

const browser = await launchChromium(t)
if (browser) {
  for (const [state, tree] of Object.entries(trees) as Array<[State, string[]]>) {
    t.test(`${state}: what assistive technology is told, and no finding of axe-core in the whole page`, async t => {
      const site = await buildStateSite(t, state)
      const context = await newProfile(t, browser, [], { bypassCSP: true })
      const page = await openIn(state, site, context, state === 'kept and ended' ? '/letter' : '/page')
      const lines = await accessibilityTree(page, dialog)
      t.same(lines.map(line => line.replaceAll(/\d+ minutes( \d+ seconds?)?/g, '{time}')), tree)
      t.equal(await page.evaluate(() => document.activeElement?.role), 'alertdialog', 'it has the focus')
      t.same(await findings(page, 'html'), [])
    })
  }
}
