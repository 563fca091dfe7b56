/** Takes a listener off again. */
export type Undo = () => void

function listen (target: EventTarget, types: readonly string[], listener: (event: Event) => void, capture?: boolean): Undo {
  for (const type of types) target.addEventListener(type, listener, capture)
  return () => { for (const type of types) target.removeEventListener(type, listener, capture) }
}

/**
 * What a user does; not what scripts pretend, and not in a tab that nobody sees.
 * Not `scroll`: it is trusted also when a script scrolls. Users scroll by wheel, key or pointer, touch being one;
 * on the document, browsers do not wait for a listener of `wheel` before they scroll.
 */
export function onActivity (callback: () => void): Undo {
  return listen(document, ['pointerdown', 'keydown', 'wheel'], event => {
    if (event.isTrusted && !document.hidden) callback()
    // Editors often stop their keys from going up.
  }, true)
}

/**
 * The page comes back: to the front, from sleep, from the back/forward cache, to the network.
 * @param doubt called when the page has been away for nobody knows how long
 * @param look called otherwise
 */
export function onWake (doubt: () => void, look: () => void): Undo {
  // Events of the document come up here too; the focus of an element does not, and it is no sign of waking.
  return listen(window, ['visibilitychange', 'focus', 'online', 'resume', 'pageshow'], event => {
    if (event.type === 'resume' || (event as PageTransitionEvent).persisted) doubt()
    else look()
  })
}

/**
 * The time left that responses of this origin carry in Server-Timing.
 * @param callback given ms left, and the performance.now() at which the server said so; 0 ms left for a page that
 * a live session was shown once and that now came out of a cache: nobody knows what has become of the session.
 * `tag` tells which session it is, where the page began with it or changed to it, and is empty everywhere else;
 * `redirected` is not 0 for the end of a redirect, of which the response that changed the session may be a part
 */
export function onServerTiming (callback: (left: number, at: number, tag: string, redirected: number) => void): Undo {
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
      const metric = entry.serverTiming?.find(one => one.name === 'session-timeout')
      const cached = !entry.transferSize
      // Other origins may show theirs, by Timing-Allow-Origin, and have sessions of their own.
      if (metric && entry.name.startsWith(location.origin + '/') && (!cached || entry.entryType === 'navigation')) {
        callback(cached ? 0 : metric.duration, entry.responseStart, metric.description, entry.redirectStart)
      }
    }
  })
  for (const type of ['navigation', 'resource']) observer.observe({ type, buffered: true })
  return () => observer.disconnect()
}

/** The other tabs of this site; what they say is a hint, never a fact. */
export function joinTabs (endpoint: string, callback: (hint: unknown) => void): BroadcastChannel {
  const channel = new BroadcastChannel(`session-timeout:${endpoint}`)
  channel.onmessage = event => callback(event.data)
  return channel
}
