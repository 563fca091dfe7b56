import { listen, type Undo } from '../listen.js'

const mark = 'data-session-timeout-keep'

/** Whether something on the page would be lost. */
export interface Work {
  isUnsaved (): boolean
  stop: Undo
}

/** @param keep what the application knows about it; an answer that it cannot give counts as yes */
export function watchWork (keep: (() => boolean) | undefined): Work {
  // Frameworks that write what is typed into the attributes leave no difference to see.
  const touched = new WeakSet<Element>()
  const stop = listen(document, ['input', 'submit', 'reset'], event => {
    const marked = event.target instanceof Element && event.target.closest(`[${mark}]`)
    if (!marked) return
    if (event.type === 'input') touched.add(marked)
    else touched.delete(marked)
  }, { capture: true })
  return { isUnsaved, stop }

  function isUnsaved (): boolean {
    try {
      if (keep?.()) return true
    } catch (error) {
      console.error(error)
      return true
    }
    return [...document.querySelectorAll(`[${mark}]`)].some(element => touched.has(element) || differs(element))
  }
}

/** From what the server sent. Of what is no form and no field only the application knows, by setting the mark. */
function differs (element: Element): boolean {
  const fields = (element as HTMLFormElement).elements ?? [element]
  return [...fields].some(field => {
    const { value, defaultValue, checked, defaultChecked } = field as HTMLInputElement
    return (value !== defaultValue && defaultValue !== undefined) || checked !== defaultChecked
  }) || !('value' in element || 'elements' in element)
}
