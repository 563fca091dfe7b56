import { listen, type Undo } from '../listen.js'

const mark = 'data-session-timeout-keep'

/** Whether something on the page would be lost. */
export interface UnsavedWork {
  isUnsaved (): boolean
  /** Whether something was entered where no mark is: it is lost at the end. */
  isLost (): boolean
  stop: Undo
}

/**
 * Work is saved when the application takes the mark away, or when the page is left. Not when a form is sent: that may
 * fail, and an end is the likeliest reason.
 * @param keep what the application knows about it; an answer that it cannot give counts as yes
 */
export function watchUnsavedWork (keep: (() => boolean) | undefined): UnsavedWork {
  // Frameworks that write what is typed into the attributes leave no difference to see.
  const touched = new WeakSet<Node>()
  let lost = false
  const undos = [
    listen(document, ['input', 'reset'], event => {
      const [target] = event.composedPath()
      const marked = closestMarked(target as Node)
      if (event.type === 'input') note(marked)
      // Once everybody has heard of it: a reset that is prevented changes nothing.
      else if (marked) setTimeout(() => { if (!event.defaultPrevented) touched.delete(marked) })
    }, { capture: true }),
    // An editor in a frame: what is typed there is not heard of.
    listen(window, ['blur'], () => {
      const { activeElement } = document
      if (activeElement instanceof HTMLIFrameElement) note(closestMarked(activeElement))
    })
  ]
  return {
    isUnsaved,
    isLost: () => lost,
    stop () { for (const undo of undos) undo() }
  }

  function note (marked: Element | null): void {
    if (marked) touched.add(marked)
    else lost = true
  }

  function isUnsaved (): boolean {
    try {
      if (keep?.()) return true
    } catch (error) {
      console.error(error)
      return true
    }
    return allMarked(document).some(element => touched.has(element) || differs(element))
  }
}

/** Also where a shadow root lies between. */
export function closestMarked (node: Node | null): Element | null {
  for (let at = node; at; at = at.parentNode ?? (at as ShadowRoot).host) {
    if (at instanceof Element && at.hasAttribute(mark)) return at
  }
  return null
}

function allMarked (root: ParentNode): Element[] {
  return [...root.querySelectorAll('*')].flatMap(element => [
    ...element.hasAttribute(mark) ? [element] : [],
    ...element.shadowRoot ? allMarked(element.shadowRoot) : []
  ])
}

/** From what the server sent. Of what is no form and no field only the application knows, by setting the mark. */
function differs (element: Element): boolean {
  const fields = (element as HTMLFormElement).elements ?? [element]
  return [...fields].some(field => {
    const { value, defaultValue, checked, defaultChecked } = field as HTMLInputElement
    return (value !== defaultValue && defaultValue !== undefined) || checked !== defaultChecked
  }) || !('value' in element || 'elements' in element)
}
