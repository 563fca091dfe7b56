import type { Undo } from '../listen.js'
import { onActivity } from '../page/activity.js'
import { onNativeSubmit } from '../page/native-submit.js'
import type { UnsavedWork } from '../page/unsaved-work.js'
import { isOver, isWarning, type Session } from '../session/machine.js'
import type { Circumstances } from '../session/run.js'
import { keepStyles } from '../style-sheet.js'
import type { ClientSettings } from '../types.js'
import { createDialog } from './dialog.js'
import ownSignIn from './own-sign-in.css'
import { covers, viewOf, type Choice, type Fate, type View } from './views.js'
import { createVocabulary } from './vocabulary.js'

/** What the user decides, but for what concerns the dialog alone. */
export type Decision = Exclude<Choice, 'dismiss'>

/** What there is to be seen of a session: a warning, or the notice over a page that is covered. */
export interface Display {
  show (session: Session, circumstances: Circumstances): void
  stop (): void
}

interface Surroundings {
  readonly options: ClientSettings
  readonly endpoint: URL
  readonly work: Pick<UnsavedWork, 'isUnsaved' | 'isLost'>
  /** @returns where the user has to go, when the browser does not let the page open it */
  decide (decision: Decision): unknown
  /** The user has done something. */
  act (): void
  /** Before something is sent: null where the answer is known, otherwise whether the page is still its user's. */
  check (): Promise<boolean> | null
}

/** On what the application signs in with itself, in the place of the notice of the end. */
const signInMark = 'data-session-timeout-show'
const observed = { subtree: true, childList: true, attributeFilter: [signInMark] }

export function createDisplay ({ options, endpoint, work, decide, act, check }: Surroundings): Display {
  const vocabulary = createVocabulary(options, endpoint)
  const dialog = createDialog(choice => {
    if (choice !== 'dismiss') {
      const blocked = decide(choice)
      if (blocked instanceof URL) dialog.offer(blocked)
      return
    }
    dismissed = true
    draw()
  })
  let shown: readonly [Session, Circumstances] | undefined
  // The user has closed the warning that nothing puts off, to save the work.
  let dismissed = false
  let hideBeside: Undo | undefined
  // The application hears of the end before it shows its own sign-in.
  const observer = new MutationObserver(draw)
  // Here, since a page without a session has no need of it.
  const undos = [onNativeSubmit(check)]
  const language = new MutationObserver(speak)
  language.observe(document.documentElement, { attributeFilter: ['lang'] })
  if (options.activity !== false) undos.push(onActivity(act))

  return {
    show (session, circumstances) {
      if (!isWarning(session)) dismissed = false
      if (!isOver(session)) observer.disconnect()
      else if (!shown || !isOver(shown[0])) observer.observe(document, observed)
      shown = [session, circumstances]
      speak()
    },
    stop () {
      shown = undefined
      observer.disconnect()
      language.disconnect()
      hideBeside?.()
      dialog.stop()
      for (const undo of undos) undo()
    }
  }

  /** In the language that the page has now. */
  function speak (): void {
    draw()
    if (shown) vocabulary.load(draw)
  }

  function draw (): void {
    if (!shown) return
    const { words } = vocabulary
    const view = viewOf(...shown, words, fate)
    if (view && covers(view) && hasOwnSignIn()) hideBeside ??= keepStyles(ownSignIn, () => {})
    else {
      hideBeside?.()
      hideBeside = undefined
    }
    dialog.show(view && isWanted(view.kind) ? view : null, words)
  }

  function fate (): Fate {
    if (work.isUnsaved()) return 'kept'
    return work.isLost() ? 'lost' : 'endedText'
  }

  function isWanted (kind: View['kind']): boolean {
    if (kind === 'stay') return options.dialog !== false
    if (kind === 'limit') return options.dialog !== false && !dismissed
    return kind !== 'ended' || !hasOwnSignIn()
  }
}

/** In a browser without :has(), what is around it hides it too. */
function hasOwnSignIn (): boolean {
  return CSS.supports('selector(:has(a))') && document.querySelector(`[${signInMark}]`) !== null
}
