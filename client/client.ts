import { onActivity } from './activity.js'
import { createDialog } from './dialog.js'
import { watchWork } from './keep.js'
import { createLeaving } from './leaving.js'
import { listen } from './listen.js'
import { createCall } from './server.js'
import { remainingOf } from './machine.js'
import { runSession, type Circumstances } from './session.js'
import { addStyles } from './styles.js'
import { joinTabs } from './tabs.js'
import { announce } from './tell.js'
import { onServerTiming, readPage } from './timing.js'
import type { ClientSettings, SessionTimeoutClient } from './types.js'
import { covers, viewOf, type Choice } from './views.js'
import { createVocabulary } from './vocabulary.js'
import { onWake } from './waking.js'

/** `release` takes away what covers the page of a client that was stopped; it returns whether anything did. */
export interface Made {
  readonly client: SessionTimeoutClient
  readonly release: () => boolean
}

/** @param wasCovered whether a client that was stopped has left the page covered */
export function createClient (options: ClientSettings, endpoint: URL, wasCovered: boolean): Made {
  const vocabulary = createVocabulary(options, endpoint)
  const work = watchWork(options.keep)
  const leaving = createLeaving(options, endpoint)
  const tabs = joinTabs(endpoint.href, message => session.hint(message))
  const dialog = createDialog(choice => choices[choice]())
  const removeStyles = addStyles()
  const undos = [tabs.close]
  // The user has closed the warning that nothing puts off, to save the work.
  let dismissed = false
  let circumstances: Circumstances = { silent: false, failed: false }

  const choices: Record<Choice, () => void> = {
    stay: () => session.extend(),
    signOut: () => session.end(),
    renew: () => session.end(false),
    signIn: () => leaving.signIn(session.session.reason!, work.isUnsaved()),
    retry: () => session.retry(),
    dismiss () {
      dismissed = true
      render()
    }
  }
  const page = readPage()
  const session = runSession({ ...page, covered: page.covered || wasCovered }, {
    call: createCall(endpoint.href),
    touchInterval: options.touchInterval,
    isVisible: () => !document.hidden,
    show (now) {
      circumstances = now
      render()
    },
    leave (reason, chosen) { if (chosen || !work.isUnsaved()) leaving.leave(reason) },
    reload: () => location.reload(),
    announce: (before, after) => announce(before, after, options),
    post: tabs.post,
    complain: createComplaint(endpoint)
  })

  // A page rendered in advance has no user yet.
  if ((document as { prerendering?: boolean }).prerendering) undos.push(listen(document, ['prerenderingchange'], start))
  else start()

  return {
    client: {
      get remaining () { return remainingOf(session.session) },
      get state () { return session.session.state },
      get canExtend () { return session.session.known?.canExtend ?? false },
      extend: session.extend,
      end: () => session.end(),
      stop
    },
    release
  }

  function start (): void {
    undos.push(onServerTiming(endpoint.href, session.told), onWake(session.wake, session.retry))
    if (options.activity !== false) undos.push(onActivity(session.act))
    session.start()
  }

  function render (): void {
    const { state } = session.session
    // What a stopped client has covered stays so.
    if (state === 'stopped') return
    if (state !== 'unknown') vocabulary.load(render)
    if (state !== 'warned') dismissed = false
    const { words } = vocabulary
    const view = viewOf(session.session, circumstances, words, work.isUnsaved)
    const unwanted = view && !covers(view) && (options.dialog === false || (dismissed && view.kind === 'limit'))
    dialog.show(unwanted ? null : view, words)
  }

  function stop (): void {
    if (session.session.state === 'stopped') return
    session.stop()
    for (const undo of undos) undo()
    if (!dialog.covers) release()
  }

  function release (): boolean {
    const covered = dialog.covers
    dialog.stop()
    work.stop()
    removeStyles()
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
