import { instant, type Instant } from '../clock.js'
import type { Page } from '../session/run.js'

function metricOf (entry: PerformanceResourceTiming | undefined): PerformanceServerTiming | undefined {
  // Browsers hand it to pages of secure origins alone.
  return entry?.serverTiming?.find(one => one.name === 'session-timeout')
}

/** What came with the page itself. Nothing, where a proxy strips it or the page is a file: that means nothing. */
export function readPage (): Page {
  const entry = performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined
  const metric = metricOf(entry)
  if (!metric) return { stage: 'unknown', tag: null, known: null }
  const tag = metric.description || null
  // What was said when the cache took the page says nothing of now; whose it is stays true.
  // Behind a service worker nothing is transferred either.
  if (!entry!.transferSize && !entry!.workerStart) return { stage: entry!.type === 'navigate' ? 'copied' : 'covered', tag, known: null }
  const at = instant(performance.now() - entry!.responseStart)
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
