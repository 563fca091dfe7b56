import { decide, defaultTouchInterval, reportIn, type Known, type Phase } from './core.js'
import { createDialog } from './dialog.js'
import { messagesFor, type Messages } from './messages.js'
import { joinTabs, onActivity, onServerTiming, onWake } from './signals.js'

export type { Messages } from './messages.js'

/** Why the session ended: a reason of the server, or the user signed out here. */
export type ClientEndedReason = 'idle' | 'absolute' | 'missing' | 'signed-out'

export interface SessionTimeoutClientOptions {
  /** The plugin's `endpoint`, with its prefix. */
  endpoint: string
  /** Whether what the user does in the page keeps the session. @default true */
  activity?: boolean
  /** Whether the warning is shown; without it, listen to `sessionwarning`. An ended session is covered all the same. @default true */
  dialog?: boolean
  /** Texts instead of the built-in ones. */
  messages?: Partial<Messages>
  /** A language tag. @default the page's `<html lang>`, then the browser's */
  locale?: string
  /** Where to go at the end. @default an "ended" notice with a button that loads the page again */
  redirectTo?: string
  /** Query parameter of redirectTo for the path of this page. @default none */
  returnParam?: string | false
  /** Query parameter of redirectTo for the reason. @default none */
  reasonParam?: string | false
  /** Least ms between two reports of activity. @default as the server's default */
  touchInterval?: number
  /** Ms before the deadline at which to warn; spares the first question to the server. @default asked from the server */
  warnBefore?: number
  onWarning?: (detail: { remaining: number, canExtend: boolean }) => void
  onExtended?: (detail: { remaining: number | null }) => void
  onEnded?: (detail: { reason: ClientEndedReason }) => void
}

export interface SessionTimeoutClient {
  /** Ms to the deadline as last heard; null while there is no timed session. */
  readonly remaining: number | null
  /** Extends the session. Resolves when the server has answered. */
  extend (): Promise<void>
  /** Signs out. Resolves when the server has answered. */
  end (): Promise<void>
  /** Takes every timer, listener and element away. */
  stop (): void
}

interface Status extends Known {
  readonly active: boolean
  readonly idleRemaining: number | null
  readonly ended: ClientEndedReason | null
}

/** Watches the session of this page: warns in time, keeps it while the user works, covers the page when it has ended. */
export function startSessionTimeout (options: SessionTimeoutClientOptions): SessionTimeoutClient {
  const { endpoint } = options
  const locale = options.locale || document.documentElement.lang || navigator.language
  const messages = messagesFor(locale, options.messages)
  const undos: Array<() => void> = []
  let known: Known | undefined
  let phase: Phase = 'live'
  let stopped = false
  let ended: ClientEndedReason | undefined
  let asking: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let reportTimer: ReturnType<typeof setTimeout> | undefined
  let interval = options.touchInterval
  let lastActivity = 0
  // Both clocks at the moment of the last word from the server, and of the last report.
  let heard = clocks()
  let reported = heard

  const dialog = createDialog(messages, locale, {
    stay: () => { extend() },
    signOut: () => { end() },
    signIn: () => { ended ? leave(ended) : end() }
  })
  const tabs = joinTabs(endpoint, hint => {
    if (hint === 'ended') doubt()
    else if (phase === 'asked') ask()
  })
  undos.push(tabs.close, () => dialog.remove(), () => clearTimeout(timer), () => clearTimeout(reportTimer))

  // A page rendered in advance has no user yet.
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener('prerenderingchange', start, { once: true })
  else start()

  return {
    get remaining () {
      return known?.remaining == null ? null : Math.max(0, known.remaining - since(heard))
    },
    extend,
    end,
    stop
  }

  function start (): void {
    if (stopped) return
    undos.push(
      onServerTiming((left, at) => {
        const ago = performance.now() - at
        const then = clocks(ago)
        if (!known && options.warnBefore === undefined) return
        if (!known || then.steady > heard.steady) hear({ remaining: left, warnBefore: options.warnBefore ?? known!.warnBefore, canExtend: known?.canExtend ?? true }, then)
      }),
      onWake(doubtful => {
        if (ended) return
        if (doubtful && known) doubt()
        else look()
      })
    )
    if (options.activity !== false) undos.push(onActivity(() => { if (known && phase === 'live' && !ended) noteActivity() }))
    if (options.warnBefore === undefined) ask()
  }

  /** New word from the server that the session is live. */
  function hear (next: Known, at: Clocks): void {
    if (ended || stopped) return
    known = next
    heard = at
    const left = next.remaining === null ? Infinity : next.remaining - since(at)
    if (left > next.warnBefore) {
      if (phase === 'asked') {
        tell('sessionextended', options.onExtended, { remaining: next.remaining })
      }
      phase = 'live'
      dialog.close()
      tabs.tell('extended')
    }
    look()
  }

  /** Looks where the session stands, and at the clock again when something is due. One timer, ever. */
  function look (): void {
    clearTimeout(timer)
    if (!known || ended || stopped) return
    const step = decide(known, since(heard), phase)
    if (step.act === 'end') return doubt()
    if (step.act === 'ask') {
      ask()
      return
    }
    if (step.act === 'count' && options.dialog !== false) dialog.warn(step.left, known.canExtend)
    timer = setTimeout(look, step.ms)
  }

  /** Hides the page first, then asks. */
  function doubt (): void {
    if (!known || ended || stopped) return
    clearTimeout(timer)
    dialog.cover(false)
    ask()
  }

  function ask (): void {
    asking ??= call('GET').finally(() => { asking = undefined })
  }

  async function extend (): Promise<void> {
    await call('POST')
  }

  async function end (): Promise<void> {
    dialog.cover(false)
    await call('DELETE')
  }

  async function call (method: string, body?: object): Promise<void> {
    const at = clocks()
    try {
      const response = await fetch(endpoint, { method, cache: 'no-store', ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}) })
      if (stopped || ended) return
      if (method === 'DELETE' && response.ok) return finish('signed-out')
      if (response.status === 401) return finish('missing')
      if (!response.ok) throw response
      const status: Status = await response.json()
      if (status.active) return receive(status, at, method === 'POST' && !body)
      if (known) finish(status.ended ?? 'missing')
    } catch {
      // No answer is no reason to show what may be over, and none to end what may be live.
      const step = known && decide(known, since(heard), 'asked').act
      if (!step || step === 'end' || ended || stopped) return
      if (step === 'count') phase = 'asked'
      dialog.close()
      look()
    }
  }

  function receive (status: Status, at: Clocks, extended: boolean): void {
    if (extended) interval ??= defaultTouchInterval(status.idleRemaining)
    const left = status.remaining === null ? Infinity : status.remaining - since(at)
    if (left <= status.warnBefore && phase === 'live') {
      phase = 'asked'
      dialog.close()
      tell('sessionwarning', options.onWarning, { remaining: Math.max(0, left), canExtend: status.canExtend })
    } else if (left > 0 && phase === 'asked') {
      dialog.close()
    }
    hear(status, at)
  }

  function noteActivity (): void {
    lastActivity = performance.now()
    reportTimer ??= setTimeout(report, reportIn(Math.min(since(reported), since(heard)), interval ?? 60_000))
  }

  /** Filling in a long form sends no request: this tells the server. */
  function report (): void {
    reportTimer = undefined
    if (phase !== 'live' || ended) return
    reported = clocks()
    call('POST', { idleFor: Math.round(performance.now() - lastActivity) })
  }

  function finish (reason: ClientEndedReason): void {
    if (ended) return
    ended = reason
    clearTimeout(timer)
    clearTimeout(reportTimer)
    tabs.tell('ended')
    dialog.cover(true)
    tell('sessionended', options.onEnded, { reason })
    if (options.redirectTo !== undefined) leave(reason)
  }

  function leave (reason: ClientEndedReason): void {
    if (options.redirectTo === undefined) return location.reload()
    const url = new URL(options.redirectTo, location.href)
    if (options.returnParam) url.searchParams.set(options.returnParam, location.pathname + location.search)
    if (options.reasonParam) url.searchParams.set(options.reasonParam, reason)
    location.replace(url)
  }

  function stop (): void {
    stopped = true
    for (const undo of undos.splice(0)) undo()
  }
}

interface Clocks {
  readonly steady: number
  readonly wall: number
}

function clocks (ago = 0): Clocks {
  return { steady: performance.now() - ago, wall: Date.now() - ago }
}

/** Sleep may stop the one clock, and the user may set the other: whichever has gone further. */
function since (then: Clocks): number {
  return Math.max(performance.now() - then.steady, Date.now() - then.wall)
}

function tell<Detail> (type: string, callback: ((detail: Detail) => void) | undefined, detail: Detail): void {
  callback?.(detail)
  document.dispatchEvent(new CustomEvent(type, { detail }))
}
