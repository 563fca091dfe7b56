import { decide, defaultTouchInterval, leftOf, reportIn, type Known } from './core.js'
import { createDialog } from './dialog.js'
import { chooseLocale, messagesFor } from './messages.js'
import { joinTabs, onActivity, onServerTiming, onWake } from './signals.js'
import { addStyles } from './styles.js'
import type { ClientEndedReason, SessionTimeoutClient, SessionTimeoutClientOptions } from './types.js'

export type { Messages } from './messages.js'
export type * from './types.js'

interface Status extends Known {
  readonly active: boolean
  readonly idleRemaining: number | null
  readonly ended: ClientEndedReason | null
  readonly session: string | null
}

/** Watches the session of this page: warns in time, keeps it while the user works, covers the page when it has ended. */
export function startSessionTimeout (options: SessionTimeoutClientOptions): SessionTimeoutClient {
  const { endpoint } = options
  const locale = chooseLocale(options.locale || document.documentElement.lang, !!options.messages?.warning)
  const undos: Array<() => void> = []
  let known: Known | undefined
  // Which session this page is of, if known. When it wakes up, another one may be live: somebody else's.
  let session: string | undefined
  // The server has confirmed that the session is within warnBefore.
  let warned = false
  // Stopped, or the session has ended: nothing happens any more.
  let over = false
  let ended: ClientEndedReason | undefined
  // The page is covered, and only an answer of the server to a question asked since then uncovers it.
  let doubting = false
  let asking: Promise<unknown> | undefined
  // When the newest call was made that has been answered: older ones tell what is out of date.
  let answered = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let reportTimer: ReturnType<typeof setTimeout> | undefined
  // Until then nothing is asked.
  let waiting: ReturnType<typeof setTimeout> | undefined
  let interval = options.touchInterval
  // Both clocks at the moment of the last word from the server, of the last report and of the last activity.
  let heard = clocks()
  let reported = heard
  let active = heard

  const dialog = createDialog(messagesFor(locale, options.messages), locale, {
    stay: extend,
    signOut: end,
    signIn: () => { ended ? leave(ended) : end() },
    retry: doubt
  })
  const tabs = joinTabs(endpoint, hint => {
    if (hint === 'ended') doubt()
    else if (warned) ask()
  })
  undos.push(addStyles(), dialog.close, () => {
    tabs.close()
    clearTimeout(timer)
    clearTimeout(reportTimer)
    clearTimeout(waiting)
  })

  // A page rendered in advance has no user yet.
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener('prerenderingchange', start)
  else start()

  return {
    get remaining () {
      return known?.remaining == null ? null : Math.max(0, leftOf(known.remaining, since(heard)))
    },
    extend,
    end,
    stop
  }

  function start (): void {
    if (over) return
    undos.push(
      onServerTiming((left, at, tag, redirected) => {
        const then = clocks(performance.now() - at)
        const next = { warnBefore: options.warnBefore, canExtend: true, ...known, remaining: left }
        if (tag || redirected) session = tag
        // Past the deadline, no response tells whose session it is that goes on.
        look()
        if (doubting) return
        if (next.warnBefore == null && left) ask()
        else if (!known || then[0] > heard[0]) hear(next as Known, then)
      }),
      onWake(doubt, look)
    )
    if (options.activity !== false) undos.push(onActivity(noteActivity))
    // Firefox hands the header to pages of secure origins alone.
    if (options.warnBefore == null || !('PerformanceServerTiming' in window)) ask()
  }

  /** New word from the server that the session is live. */
  function hear (next: Known, at: Clocks): void {
    if (over) return
    known = next
    heard = at
    const before = warned
    if (leftOf(next.remaining, since(at)) > next.warnBefore) {
      warned = false
      dialog.close()
      tabs.postMessage('extended')
    }
    look()
    if (before && !warned) tell('sessionextended', options.onExtended, { remaining: next.remaining })
  }

  /** Looks where the session stands, and at the clock again when something is due. One timer, ever. */
  function look (): void {
    clearTimeout(timer)
    if (!known || over) return
    const step = decide(known, since(heard), warned)
    if (doubting || !step) return doubt()
    timer = setTimeout(look, step.ms)
    if (step.seconds) {
      if (options.dialog === false) dialog.close()
      else dialog.warn(step.seconds, known.canExtend)
    }
    if (step.ask) {
      // Who has just typed is not warned only because the report was not due yet.
      if (reportTimer) report()
      else ask()
    }
  }

  /** Hides the page first, then asks. */
  function doubt (): void {
    if (!known || over) return
    hide()
    ask()
  }

  function hide (): void {
    if (!doubting) {
      doubting = true
      // What was asked before may be out of date when it is answered.
      answered = performance.now()
      asking = undefined
    }
    dialog.cover('checking')
  }

  function ask (): void {
    if (!waiting) asking ??= call('GET').finally(() => { asking = undefined })
  }

  function extend (): Promise<boolean> {
    return call('POST')
  }

  function end (): Promise<boolean> {
    if (known && !over) hide()
    return call('DELETE')
  }

  async function call (method: string, body?: object): Promise<boolean> {
    const at = clocks()
    let code = 0
    let status: Status | undefined
    try {
      const response = await fetch(endpoint, {
        method,
        cache: 'no-store',
        // A network that drops everything would leave it without an answer for minutes.
        signal: AbortSignal.timeout(10_000),
        ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      })
      code = response.status
      if (code === 200) status = await response.json()
    } catch {}
    const done = code === 204 || !!status?.active
    if (over) return done
    if (code === 204) finish('signed-out')
    else if (at[0] < answered) return done
    else if (status) {
      answered = at[0]
      if (!status.active) known && finish(status.ended ?? 'missing')
      else if (status.session === (session ||= status.session!)) receive(status, at, method)
      else if (!known || (doubting && !waiting)) finish('missing')
      else {
        // The word of the page's own request that has exchanged the session may still be on its way.
        hide()
        waiting ??= setTimeout(() => {
          waiting = undefined
          ask()
        }, 1000)
      }
    } else if (known) {
      // Only GET tells the reason.
      if (code === 401) method === 'GET' ? finish('missing') : ask()
      else misanswered()
    }
    return done
  }

  function receive (status: Status, at: Clocks, method: string): void {
    if (method === 'POST') interval ??= defaultTouchInterval(status.idleRemaining)
    doubting = false
    const left = leftOf(status.remaining, since(at))
    const before = warned
    warned ||= left <= status.warnBefore
    hear(status, at)
    if (!before && warned) tell('sessionwarning', options.onWarning, { remaining: Math.max(0, left), canExtend: status.canExtend })
  }

  /** No answer is no reason to show what may be over, and none to end what may be live. */
  function misanswered (): void {
    if (doubting) return dialog.cover('retry')
    if (decide(known!, since(heard), true)?.seconds) warned = true
    look()
  }

  function noteActivity (): void {
    if (!known || over || warned) return
    active = clocks()
    reportTimer ??= setTimeout(report, reportIn(Math.min(since(reported), since(heard)), interval ?? 60_000))
  }

  /** Filling in a long form sends no request: this tells the server. */
  function report (): void {
    clearTimeout(reportTimer)
    reportTimer = undefined
    if (warned || over) return
    reported = clocks()
    call('POST', { idleFor: Math.round(since(active)) })
  }

  function finish (reason: ClientEndedReason): void {
    ended = reason
    over = true
    tabs.postMessage('ended')
    dialog.cover('ended')
    if (options.redirectTo) leave(reason)
    tell('sessionended', options.onEnded, { reason })
  }

  function leave (reason: ClientEndedReason): void {
    if (!options.redirectTo) return location.reload()
    const url = new URL(options.redirectTo, location.href)
    if (options.returnParam) url.searchParams.set(options.returnParam, location.pathname + location.search)
    if (options.reasonParam) url.searchParams.set(options.reasonParam, reason)
    location.replace(url)
  }

  function stop (): void {
    over = true
    for (const undo of undos.splice(0)) undo()
  }
}

/** Both clocks at one moment: performance.now(), Date.now(). */
type Clocks = readonly [steady: number, wall: number]

function clocks (ago = 0): Clocks {
  return [performance.now() - ago, Date.now() - ago]
}

/** Sleep may stop the one clock, and the user may set the other: whichever has gone further. */
function since ([steady, wall]: Clocks): number {
  return Math.max(performance.now() - steady, Date.now() - wall)
}

/** Last of all, everywhere: a callback that throws must not keep a page uncovered. */
function tell<Detail> (type: string, callback: ((detail: Detail) => void) | undefined, detail: Detail): void {
  document.dispatchEvent(new CustomEvent(type, { detail }))
  callback?.(detail)
}
