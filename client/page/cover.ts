import type { Undo } from '../listen.js'
import { keepStyles } from '../style-sheet.js'
import css from './cover.css'

/** Hides the page. It needs nothing that would have to be loaded first: at the end the network may be gone. */
export interface Cover {
  readonly isOn: boolean
  set (on: boolean): void
}

export function createCover (): Cover {
  let uncover: Undo | null = null
  return {
    get isOn () { return uncover !== null },
    set (on) {
      if (on) uncover ??= cover()
      else {
        uncover?.()
        uncover = null
      }
    }
  }
}

const hiding = [['visibility', 'hidden'], ['opacity', '0'], ['content-visibility', 'hidden'], ['transition', 'none']] as const

function cover (): Undo {
  const { scrollX: left, scrollY: top, location: { host } } = window
  const focused = deepestFocus()
  let body: HTMLElement | undefined
  let showBody: Undo | undefined
  let title = ''
  const removeStyles = keepStyles(css, look)
  // Keys would go on editing what nobody sees.
  focused?.blur()

  return () => {
    removeStyles()
    showBody?.()
    if (document.title === host) document.title = title
    // A page whose content is hidden has nothing to scroll.
    scrollTo({ left, top, behavior: 'instant' })
    focused?.focus({ preventScroll: true })
  }

  function look (): void {
    if (document.title !== host) {
      ({ title } = document)
      document.title = host
    }
    // The application's own sign-in is in it; what is beside that is left to the style sheets.
    const next = document.querySelector('[data-session-timeout-show]') ? undefined : document.body
    if (next === body) return
    showBody?.()
    body = next
    showBody = next && hide(next)
  }
}

/** Once more on the element itself: stronger than anything that style sheets say, and untouched when they are exchanged. */
function hide ({ style }: HTMLElement): Undo {
  const before = hiding.map(([name, value]) => {
    const old = [name, style.getPropertyValue(name), style.getPropertyPriority(name)] as const
    style.setProperty(name, value, 'important')
    return old
  })
  return () => { for (const old of before) style.setProperty(...old) }
}

function deepestFocus (): HTMLElement | null {
  let element = document.activeElement
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  return element as HTMLElement | null
}
