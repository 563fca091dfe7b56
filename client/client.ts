import type { Decision } from './display/display.js'
import { createLoading, type LoadDisplay } from './display/loading.js'
import { listen } from './listen.js'
import { createCover } from './page/cover.js'
import { dispatchEvents } from './page/events.js'
import { createLeaving } from './page/leaving.js'
import { onServerTiming, readPage } from './page/timing.js'
import { watchUnsavedWork } from './page/unsaved-work.js'
import { onWake } from './page/waking.js'
import { isHidden, remainingOf, stateOf } from './session/machine.js'
import { runSession, type Circumstances } from './session/run.js'
import { createCall } from './session/server.js'
import { joinTabs } from './session/tabs.js'
import type { ClientSettings, SessionTimeoutClient } from './types.js'

/** A client, and how the one that takes its place continues. */
export interface CreatedClient {
  readonly client: SessionTimeoutClient
  /** Uncovers the page of a client that was stopped. @returns whether it was covered */
  readonly release: () => boolean
}

/** @param wasCovered whether a client that was stopped has left the page covered */
export function createClient (
  options: ClientSettings, endpoint: URL, loadDisplay: LoadDisplay, wasCovered: boolean
): CreatedClient {
  const work = watchUnsavedWork(options.keep)
  const leaving = createLeaving(options, endpoint)
  const tabs = joinTabs(endpoint.href, message => session.hint(message))
  const cover = createCover()
  const decisions: Record<Decision, () => unknown> = {
    stay: () => session.extend(),
    signOut: () => session.end(),
    renew: () => session.end(false),
    signIn: () => leaving.signIn(session.session.reason, work.isUnsaved()),
    retry: () => session.retry()
  }
  const display = createLoading(loadDisplay, {
    options,
    endpoint,
    work,
    decide: decision => decisions[decision](),
    act: () => session.act(),
    check: () => session.check()
  })
  const undos = [tabs.close]

  const page = readPage()
  const session = runSession(wasCovered ? { ...page, stage: 'covered' } : page, {
    call: createCall(endpoint.href),
    touchInterval: options.touchInterval,
    isVisible: () => !document.hidden,
    isUnsaved: work.isUnsaved,
    show,
    leave (reason) {
      if (work.isLost()) {
        console.info('session-timeout: what was entered is lost; data-session-timeout-keep on the form keeps it.')
      }
      leaving.leave(reason)
    },
    reload: () => location.reload(),
    dispatchEvents,
    post: tabs.post,
    complain: createComplaint(endpoint)
  })

  // A page rendered in advance has no user yet.
  if ((document as { prerendering?: boolean }).prerendering) undos.push(listen(document, ['prerenderingchange'], start))
  else start()

  return {
    client: {
      get remaining () { return remainingOf(session.session) },
      get state () { return stateOf(session.session) },
      get canExtend () { return session.session.known?.canExtend ?? false },
      extend: session.extend,
      end: () => session.end(),
      stop
    },
    release
  }

  function start (): void {
    const { noteTimeLeft, wake, retry } = session
    undos.push(onServerTiming(endpoint.href, noteTimeLeft), onWake(wake, retry))
    session.start()
  }

  function show (circumstances: Circumstances): void {
    // What a stopped client has covered stays so.
    const { stage } = session.session
    if (stage === 'stopped') return
    if (stage !== 'unknown') tabs.listen()
    const hidden = isHidden(session.session)
    if (hidden) cover.set(true)
    display.show(session.session, circumstances)
    // Not before the dialog is gone: the focus goes back to where it was.
    cover.set(hidden)
  }

  function stop (): void {
    if (session.session.stage === 'stopped') return
    session.stop()
    for (const undo of undos) undo()
    if (!cover.isOn) release()
  }

  function release (): boolean {
    const covered = cover.isOn
    display.stop()
    cover.set(false)
    work.stop()
    return covered
  }
}

/** For the developer, once: a wrong endpoint is easily overlooked. */
function createComplaint ({ href }: URL): (code: number) => void {
  let done = false
  return code => {
    if (!done) console.warn(`session-timeout: ${href} gave no session status (${code || 'no answer'}). Is the endpoint right?`)
    done = true
  }
}
