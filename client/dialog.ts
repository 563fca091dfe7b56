import { isMilestone, secondsLeft } from './core.js'
import { formatTime, type Messages } from './messages.js'
import { addStyles } from './styles.js'

const coveredClass = 'session-timeout-covered'
const dismissed = 'dismissed'

/** What the user can choose. */
export interface Choices {
  stay (): void
  signOut (): void
  signIn (): void
}

/** The dialog: a warning with a countdown, or the cover of a page whose session has ended. */
export interface SessionDialog {
  /** Shows the warning, or counts it down. */
  warn (left: number, canExtend: boolean): void
  /** Hides the page; with `ended`, also says why. */
  cover (ended: boolean): void
  /** Takes away whatever is shown. */
  close (): void
  /** Takes everything out of the page. */
  remove (): void
}

export function createDialog (messages: Messages, locale: string, choices: Choices): SessionDialog {
  const root = document.documentElement
  const dialog = element('dialog', { class: 'session-timeout', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'session-timeout-title', 'aria-describedby': 'session-timeout-text' })
  const title = element('h2', { id: 'session-timeout-title' })
  // The countdown that changes every second is for the eyes; what is announced changes at milestones.
  const text = element('p', { 'aria-hidden': 'true' })
  const live = element('p', { role: 'status', id: 'session-timeout-text' })
  const buttons = element('div', {})
  dialog.append(title, text, live, buttons)
  const removeStyles = addStyles()
  let shown = ''
  let before: Element | null = null

  dialog.addEventListener('cancel', event => {
    event.preventDefault()
    if (shown === 'stay') choices.stay()
    if (shown === 'limit') dismiss()
  })

  return { warn, cover, close, remove }

  function warn (left: number, canExtend: boolean): void {
    const kind = canExtend ? 'stay' : 'limit'
    // The user has closed it, to save the work.
    if (!canExtend && shown === dismissed) return
    const seconds = secondsLeft(left)
    const words = (canExtend ? messages.warning : messages.limit).replace('{time}', formatTime(seconds, locale))
    text.textContent = words
    if (shown !== kind) {
      live.textContent = words
      show(kind, messages.title, canExtend
        ? [[messages.stay, choices.stay], [messages.signOut, choices.signOut]]
        : [[messages.signIn, choices.signIn], [messages.dismiss, dismiss]])
    } else if (isMilestone(seconds)) {
      live.textContent = words
    }
  }

  function cover (ended: boolean): void {
    const kind = ended ? 'ended' : 'cover'
    if (shown === kind) return
    root.classList.add(coveredClass)
    text.textContent = live.textContent = messages.endedText
    show(kind, messages.ended, ended ? [[messages.signIn, choices.signIn]] : [])
  }

  function show (kind: string, heading: string, offers: Array<[string, () => void]>): void {
    if (!dialog.open) before = document.activeElement
    shown = kind
    title.textContent = heading
    buttons.replaceChildren(...offers.map(([label, choose], index) => {
      const button = element('button', index === 0 ? { type: 'button', autofocus: '' } : { type: 'button' })
      button.textContent = label
      button.addEventListener('click', choose)
      return button
    }))
    if (!dialog.isConnected) document.body.append(dialog)
    // Over dialogs that the application opened meanwhile.
    if (dialog.open) dialog.close()
    dialog.showModal()
  }

  function close (): void {
    hide('')
  }

  function dismiss (): void {
    hide(dismissed)
  }

  function hide (left: string): void {
    if (!dialog.open) return
    shown = left
    root.classList.remove(coveredClass)
    dialog.close()
    dialog.remove()
    if (before instanceof HTMLElement) before.focus()
  }

  function remove (): void {
    hide('')
    removeStyles()
  }
}

function element<Name extends keyof HTMLElementTagNameMap> (name: Name, attributes: Record<string, string>): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
