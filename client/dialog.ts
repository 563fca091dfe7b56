import { isMilestone } from './core.js'
import { formatTime, type Messages } from './messages.js'

const coveredClass = 'session-timeout-covered'

/** What the user can choose, by the text of its button. */
export type Choices = Record<'stay' | 'signOut' | 'signIn' | 'retry', () => void>

/** Why the page is covered: the server is being asked, it did not answer, the session has ended. */
export type Cover = 'checking' | 'retry' | 'ended'

type View = 'stay' | 'limit' | Cover

// The title and the buttons of each view, by the names of their texts.
const views: Record<View, [title: keyof Messages, ...buttons: Array<keyof Choices | 'dismiss'>]> = {
  stay: ['title', 'stay', 'signOut'],
  limit: ['title', 'signIn', 'dismiss'],
  checking: ['checking'],
  retry: ['checking', 'retry'],
  ended: ['ended', 'signIn']
}

/** The dialog: a warning with a countdown, or the cover of a page that nobody may see now. */
export interface SessionDialog {
  /** Shows the warning, or counts it down. */
  warn (seconds: number, canExtend: boolean): void
  /** Hides the page. */
  cover (why: Cover): void
  /** Takes away whatever is shown. */
  close (): void
}

export function createDialog (messages: Messages, locale: string, choices: Choices): SessionDialog {
  const root = document.documentElement
  // English on a page that is written from right to left is still English.
  const dialog = element('dialog', { class: 'session-timeout', lang: locale, dir: 'auto', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'session-timeout-title', 'aria-describedby': 'session-timeout-text' })
  const title = element('h2', { id: 'session-timeout-title' })
  // The countdown that changes every second is for the eyes; what is announced changes at milestones.
  const text = element('p', { 'aria-hidden': 'true' })
  const live = element('p', { role: 'status', id: 'session-timeout-text' })
  const buttons = element('div')
  dialog.append(title, text, live, buttons)
  const actions = { ...choices, dismiss: () => hide('dismissed') }
  let shown: View | 'dismissed' | '' = ''
  let before: Element | null = null

  dialog.oncancel = event => {
    event.preventDefault()
    if (shown === 'stay') actions.stay()
    if (shown === 'limit') actions.dismiss()
  }
  // Browsers let a page prevent Esc once, then close the dialog all the same.
  dialog.onclose = () => {
    if (dialog.isConnected && !dialog.open) dialog.showModal()
  }

  return { warn, cover, close: () => hide('') }

  function warn (seconds: number, canExtend: boolean): void {
    // The user has closed it, to save the work.
    if (!canExtend && shown === 'dismissed') return
    const view = canExtend ? 'stay' : 'limit'
    show(view, messages[canExtend ? 'warning' : view].replace('{time}', formatTime(seconds, locale)), isMilestone(seconds))
  }

  function cover (why: Cover): void {
    show(why, messages.endedText, true)
  }

  function show (view: View, words: string, announce: boolean): void {
    const [heading, ...offers] = views[view]
    // Looked at twice within a second: screen readers would say it twice.
    if (shown === view && text.textContent === words) return
    text.textContent = words
    if (announce || shown !== view) live.textContent = words
    root.classList.toggle(coveredClass, heading !== 'title')
    if (shown === view) return
    if (!dialog.open) before = document.activeElement
    shown = view
    title.textContent = messages[heading]
    // Showing the dialog puts the focus on the first.
    buttons.replaceChildren(...offers.map(offer => {
      const button = element('button')
      button.textContent = messages[offer]
      button.onclick = actions[offer]
      return button
    }))
    // Once more from the start: over dialogs that the application opened meanwhile, and with the focus in it.
    dialog.close()
    document.body.append(dialog)
    dialog.showModal()
  }

  function hide (left: 'dismissed' | ''): void {
    shown = left
    if (!dialog.isConnected) return
    root.classList.remove(coveredClass)
    dialog.close()
    dialog.remove()
    if (before instanceof HTMLElement) before.focus()
  }
}

function element<Name extends keyof HTMLElementTagNameMap> (name: Name, attributes: Record<string, string> = {}): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const key in attributes) made.setAttribute(key, attributes[key]!)
  return made
}
