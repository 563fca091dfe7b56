import { instant, type Instant } from '../clock.js'
import type { Page } from '../session/run.js'

function metricOf (entry: PerformanceResourceTiming): PerformanceServerTiming | undefined {
  // Browsers hand it to pages of secure origins alone.
  return entry.serverTiming?.find(one => one.name === 'session-timeout')
}

/** What came with the page itself. Nothing, where a proxy strips it or the page is a file: that means nothing. */
export function readPage (): Page {
  const entry = performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined
  const metric = entry && metricOf(entry)
  // What a service worker gives may be of another time and user.
  const worked = !!entry?.workerStart || !!navigator.serviceWorker?.controller
  if (!entry || !metric) return { stage: worked ? 'unclaimed' : 'unknown', tag: null, known: null }
  // Made for somebody, but nobody said for whom: an empty tag is no user's.
  const tag = metric.description
  // What was said when a cache took the page says nothing of now; whose it is stays true.
  if (worked) return { stage: 'covered', tag, known: null }
  if (!entry.transferSize) return { stage: entry.type === 'navigate' ? 'copied' : 'covered', tag, known: null }
  const at = instant(performance.now() - entry.responseStart)
  return { stage: 'live', tag, known: { at, remaining: metric.duration, warnBefore: 0, canExtend: true, limit: null, proven: false } }
}

/**
 * The time left that responses of this origin carry in Server-Timing, but for those of the endpoint itself.
 * @returns the undo
 */
export function onServerTiming (endpoint: string, callback: (remaining: number, at: Instant) => void): () => void {
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
      const metric = metricOf(entry)
      const url = entry.name.replace(/[?#].*/, '')
      const own = url === endpoint || url.startsWith(`${endpoint}/`)
      // Other origins may show theirs, by Timing-Allow-Origin; what came out of a cache was said long ago.
      if (metric && !own && url.startsWith(`${location.origin}/`) && entry.transferSize) callback(metric.duration, instant(performance.now() - entry.responseStart))
    }
  })
  observer.observe({ type: 'resource', buffered: true })
  return () => observer.disconnect()
}
