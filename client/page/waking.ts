import { listen, type Undo } from '../listen.js'
import type { Waking } from '../session/run.js'

const wakings: Record<string, Waking> = { resume: 'restored', pageshow: 'restored', visibilitychange: 'shown', focus: 'focused' }

/** The page comes back: to the front, from sleep, from the back/forward cache, to the network. */
export function onWake (wake: (waking: Waking) => void, retry: () => void): Undo {
  // Events of the document come up here too; the focus of an element does not, and it is no sign of waking.
  return listen(window, ['online', ...Object.keys(wakings)], event => {
    if (event.type === 'online') return retry()
    if (event.type === 'pageshow' && !(event as PageTransitionEvent).persisted) return
    const waking = wakings[event.type]
    if (waking && !document.hidden) wake(waking)
  })
}
