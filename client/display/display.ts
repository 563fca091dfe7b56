import { isOver, isWarning, type Session } from '../session/machine.js'
import type { Circumstances } from '../session/run.js'
import type { ClientSettings } from '../types.js'
import { createDialog } from './dialog.js'
import { viewOf, type Choice, type View } from './views.js'
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
  /** Whether something on the page is not saved. */
  isUnsaved (): boolean
  decide (decision: Decision): void
}

/** On what the application signs in with itself, in the place of the notice of the end. */
const signInMark = 'data-session-timeout-show'
const observed = { subtree: true, childList: true, attributeFilter: [signInMark] }

export function createDisplay ({ options, endpoint, isUnsaved, decide }: Surroundings): Display {
  const vocabulary = createVocabulary(options, endpoint)
  const dialog = createDialog(choice => {
    if (choice !== 'dismiss') return decide(choice)
    dismissed = true
    draw()
  })
  let shown: readonly [Session, Circumstances] | undefined
  // The user has closed the warning that nothing puts off, to save the work.
  let dismissed = false
  // The application hears of the end before it shows its own sign-in.
  const observer = new MutationObserver(draw)

  return {
    show (session, circumstances) {
      if (!isWarning(session)) dismissed = false
      if (!isOver(session)) observer.disconnect()
      else if (!shown || !isOver(shown[0])) observer.observe(document, observed)
      shown = [session, circumstances]
      draw()
      vocabulary.load(draw)
    },
    stop () {
      shown = undefined
      observer.disconnect()
      dialog.stop()
    }
  }

  function draw (): void {
    if (!shown) return
    const { words } = vocabulary
    const view = viewOf(...shown, words, isUnsaved)
    dialog.show(view && isWanted(view.kind) ? view : null, words)
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
