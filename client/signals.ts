/** Takes a listener off again. */
export type Undo = () => void

export function listen (target: EventTarget, types: readonly string[], listener: (event: Event) => void): Undo {
  const options = { capture: true, passive: true }
  for (const type of types) target.addEventListener(type, listener, options)
  return () => { for (const type of types) target.removeEventListener(type, listener, options) }
}

/** What a user does; not what scripts pretend, and not in a tab that nobody sees. */
export function onActivity (callback: () => void): Undo {
  return listen(document, ['pointerdown', 'keydown', 'wheel', 'scroll', 'touchstart'], event => {
    if (event.isTrusted && !document.hidden) callback()
  })
}

/**
 * The page comes back: to the front, from sleep, from the back/forward cache, to the network.
 * @param wake told whether the page may show what nobody should see any more
 */
export function onWake (wake: (doubtful: boolean) => void): Undo {
  // Events of the document pass the window too, on their way down.
  return listen(window, ['visibilitychange', 'focus', 'online', 'resume', 'pageshow'], event => {
    wake(event.type === 'resume' || (event as PageTransitionEvent).persisted === true)
  })
}

/**
 * The time left that responses of this origin carry in Server-Timing.
 * @param callback given ms left, and the performance.now() at which the server said so
 */
export function onServerTiming (callback: (left: number, at: number) => void): Undo {
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
      const metric = entry.serverTiming?.find(one => one.name === 'session-timeout')
      // A response from a cache repeats what the server said long ago.
      if (metric && entry.transferSize > 0) callback(metric.duration, entry.responseStart)
    }
  })
  for (const type of ['navigation', 'resource']) observer.observe({ type, buffered: true })
  return () => observer.disconnect()
}

/** The other tabs of this site; what they say is a hint, never a fact. */
export interface Tabs {
  tell (hint: 'extended' | 'ended'): void
  close: Undo
}

export function joinTabs (endpoint: string, callback: (hint: unknown) => void): Tabs {
  const channel = new BroadcastChannel(`session-timeout:${endpoint}`)
  channel.onmessage = event => callback(event.data)
  return { tell: hint => channel.postMessage(hint), close: () => channel.close() }
}
