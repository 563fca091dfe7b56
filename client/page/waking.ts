import { listen, type Undo } from '../listen.js'

/**
 * The page comes back: to the front, from sleep, from the back/forward cache, to the network.
 * @param wake `away`: it could not look, or nobody saw it; otherwise it was in sight all the time
 */
export function onWake (wake: (away: boolean) => void, retry: () => void): Undo {
  // Events of the document come up here too; the focus of an element does not, and it is no sign of waking.
  return listen(window, ['visibilitychange', 'focus', 'online', 'resume', 'pageshow'], event => {
    if (event.type === 'online') return retry()
    if (event.type === 'pageshow' && !(event as PageTransitionEvent).persisted) return
    if (!document.hidden) wake(event.type !== 'focus')
  })
}
