import t from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { dialog } from './engines/dialog.js'
import { accessibilityTree } from './looks/accessibility-tree.js'
import { findings } from './looks/axe.js'
import { buildStateSite, openIn, type State } from './looks/states.js'

// An hour is left in all of them, which the countdown rounds up.
const trees: Record<State, string[]> = {
  warning: [],
  limit: [],
  checking: [],
  retry: [],
  ended: [],
  'kept and ended': []
}

const browser = await launchChromium(t)
if (browser) {
  for (const [state, tree] of Object.entries(trees) as Array<[State, string[]]>) {
    t.test(`${state}: what assistive technology is told, and no finding of axe-core in the whole page`, async t => {
      const site = await buildStateSite(t, state)
      const context = await newProfile(t, browser, [], { bypassCSP: true })
      const page = await openIn(state, site, context, state === 'kept and ended' ? '/letter' : '/page')
      t.same(await accessibilityTree(page, dialog), tree)
      t.same(await findings(page, 'html'), [])
    })
  }
}
