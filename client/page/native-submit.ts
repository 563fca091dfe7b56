import { listen, type Undo } from '../listen.js'
import { closestMarked } from './unsaved-work.js'

/**
 * A marked form that the browser itself sends: a session that has ended meanwhile would take what is in it away. So
 * the server is asked first, unless it has just answered.
 * @param ask null when there is no need; otherwise resolves to whether the page is still its user's
 */
export function onNativeSubmit (ask: () => Promise<boolean> | null): Undo {
  let again = false
  const asked = new WeakSet<HTMLFormElement>()
  // After the application, which may send the form in its own way.
  return listen(window, ['submit'], event => {
    const form = event.target as HTMLFormElement
    const { submitter } = event as SubmitEvent
    const method = submitter?.getAttribute('formmethod') ?? form.getAttribute('method')
    if (again || event.defaultPrevented || method === 'dialog') return
    if (!closestMarked(form) && !form.querySelector('[data-session-timeout-keep]')) return
    const answer = asked.has(form) || ask()
    if (!answer) return
    event.preventDefault()
    // A second click while it is asked sends nothing twice.
    if (answer !== true) send(form, submitter, answer)
  })

  async function send (form: HTMLFormElement, submitter: HTMLElement | null, answer: Promise<boolean>): Promise<void> {
    asked.add(form)
    const goes = await answer
    asked.delete(form)
    if (!goes) return
    again = true
    form.requestSubmit(submitter)
    again = false
  }
}
