import { instant, since } from '../clock.js'
import { listen, type Undo } from '../listen.js'
import { confirmOf, covers, escapeOf, type Choice, type View } from './views.js'

/** What the dialog has to do with the events of the page. */
export interface Keys {
  /** Another question is asked: whoever types has not seen it yet. */
  reset (): void
  stop: Undo
}

// How long nothing may have been pressed before it counts as an answer: a key, a button.
const calmKeys = 1000
const calmClicks = 500

const guarded = ['pointerdown', 'mousedown', 'touchstart', 'click', 'keydown', 'keyup', 'focusin', 'focus', 'copy', 'cut']

/**
 * Keeps the events of the dialog from the application, whose libraries would take its keys and clicks for theirs, or
 * see them as outside of theirs. So they are handled here, before anybody else.
 */
export function guardKeys (
  dialog: HTMLDialogElement, viewShown: () => View | null, choose: (choice: Choice) => void
): Keys {
  const keyPause = createPause(calmKeys)
  const clickPause = createPause(calmClicks)
  // Of the click that has begun.
  let meant = false
  // The key that a button may have: without its keydown, its keyup is of something typed before.
  let pressed: string | null = null

  const stopGuarding = listen(window, guarded, event => {
    const view = viewShown()
    if (!view) return
    const { type, target } = event
    const { key } = event as KeyboardEvent
    if (type === 'keydown' && key === 'Escape') {
      suppress(event)
      const choice = escapeOf(view)
      if (choice) choose(choice)
    } else if (target instanceof Node && dialog.contains(target)) {
      event.stopImmediatePropagation()
      if (type === 'keydown') onKeyDown(event as KeyboardEvent, view)
      if (type === 'keyup' && key !== pressed) event.preventDefault()
      if (type === 'pointerdown') meant = clickPause.note()
      if (type === 'click') onClick(event as MouseEvent)
    } else if (/copy|cut/.test(type) && covers(view)) suppress(event)
  }, { capture: true })

  // In a tab that nobody sees, nobody reads.
  const stopLooking = listen(document, ['visibilitychange'], reset)

  return {
    reset,
    stop () {
      stopGuarding()
      stopLooking()
    }
  }

  function reset (): void {
    keyPause.reset()
    clickPause.reset()
    meant = false
    pressed = null
  }

  function onKeyDown (event: KeyboardEvent, view: View): void {
    const { key } = event
    const answers = keyPause.note()
    pressed = key
    if (key !== 'Enter' && key !== ' ') return
    if (!answers) pressed = null
    // A button that has the focus does what it says.
    else if (event.target !== dialog) return
    event.preventDefault()
    const choice = confirmOf(view)
    if (answers && choice && !event.repeat) choose(choice)
  }

  function onClick (event: MouseEvent): void {
    const button = (event.target as Element).closest('button')
    // A click without a pointer is of a key, or of assistive technology.
    if (button && (event.detail ? meant : keyPause.isOver())) choose(button.value as Choice)
  }
}

interface Pause {
  reset (): void
  /** Whether nothing has been noted for long enough, once since the reset. */
  isOver (): boolean
  /** Notes that something was pressed. @returns whether that counts */
  note (): boolean
}

function createPause (ms: number): Pause {
  let last = instant()
  let over = false
  return { reset, isOver, note }

  function reset (): void {
    last = instant()
    over = false
  }

  function isOver (): boolean {
    over ||= since(last) >= ms
    return over
  }

  function note (): boolean {
    const counts = isOver()
    last = instant()
    return counts
  }
}

function suppress (event: Event): void {
  event.preventDefault()
  event.stopImmediatePropagation()
}
