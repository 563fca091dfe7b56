import { listen, type Undo } from '../listen.js'
import { keepStyles } from '../style-sheet.js'
import { guardKeys } from './keys.js'
import type { Words } from './messages.js'
import css from './style.css'
import { covers, escapeOf, type Choice, type View } from './views.js'

/** The dialog: a warning with a countdown, or the cover of a page that nobody may see now. */
export interface SessionDialog {
  show (view: View | null, words: Words): void
  /** A link instead of the first button: browsers let those open a tab. */
  offer (url: URL): void
  stop (): void
}

export function createDialog (choose: (choice: Choice) => void): SessionDialog {
  // English on a page that is written from right to left is still English.
  const dialog = element('dialog', { class: 'session-timeout', dir: 'auto', tabindex: '-1', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'session-timeout-title', 'aria-describedby': 'session-timeout-text' })
  const title = element('h2', { id: 'session-timeout-title' })
  // The countdown that changes every second is for the eyes; what is announced changes at milestones.
  const text = element('p', { 'aria-hidden': 'true' })
  const live = element('p', { role: 'status', id: 'session-timeout-text' })
  const buttons = element('div')
  dialog.append(title, text, live, buttons)

  let shown: View | null = null
  let before: Element | null = null
  let removeStyles: Undo | undefined
  const keys = guardKeys(dialog, () => shown, choose)
  const undos: Undo[] = [
    keys.stop,
    listen(dialog, ['cancel'], event => {
      event.preventDefault()
      const choice = escapeOf(shown)
      if (choice) choose(choice)
    }),
    // Browsers let a page prevent Esc once, then close the dialog all the same; so may scripts that close whatever is open.
    listen(dialog, ['close'], () => { if (!dialog.open) putUp() }),
    // Whatever the application opens now lies above.
    listen(document, ['toggle', 'fullscreenchange'], event => { if (event.target !== dialog && (event as ToggleEvent).newState !== 'closed') raise() }, { capture: true })
  ]
  // Frameworks exchange the body.
  const observer = new MutationObserver(changes => {
    // Put back as it is, it would not be modal any more.
    if (!dialog.isConnected) raise()
    else if (changes.some(({ attributeName, target }) => attributeName === 'open' && target !== dialog && (target as HTMLDialogElement).open)) raise()
  })

  return { show, offer, stop }

  function show (view: View | null, { messages, locale }: Words): void {
    if (!view) return hide()
    const asked = shown?.kind !== view.kind
    // Looked at twice within a second: screen readers would say it twice.
    if (!asked && text.textContent === view.text && dialog.lang === locale) return
    if (!shown) before = document.activeElement
    shown = view
    dialog.lang = locale
    dialog.dataset.view = view.kind
    title.textContent = view.title
    text.textContent = view.text
    if (asked || view.announce) live.textContent = view.text
    if (asked) {
      buttons.replaceChildren(...view.choices.map(choice => element('button', { type: 'button', value: choice })))
      keys.reset()
    }
    view.choices.forEach((choice, index) => buttons.children[index]?.replaceChildren(messages[choice]))
    if (asked) {
      removeStyles ??= keepStyles(css, seeToTop)
      raise()
      observe()
      if (view.kind === 'ended') quieten()
    }
  }

  function offer ({ href }: URL): void {
    const link = element('a', { href, target: '_blank', rel: new URL(href).origin === location.origin ? 'opener' : 'noopener' })
    link.textContent = buttons.textContent
    buttons.replaceChildren(link)
    link.focus()
  }

  function hide (): void {
    if (!shown) return
    shown = null
    removeStyles?.()
    removeStyles = undefined
    observer.disconnect()
    dialog.close()
    dialog.remove()
    if (before instanceof HTMLElement) before.focus({ preventScroll: true })
  }

  function stop (): void {
    hide()
    for (const undo of undos) undo()
  }

  /** Once more from the start: above everything that is open, and with the focus in it, but on no button. */
  function raise (): void {
    if (!shown) return
    if (dialog.open) dialog.close()
    putUp()
  }

  /** What opens in a shadow root is not heard of, and takes the clicks. */
  function seeToTop (): void {
    const { left, top, width } = dialog.getBoundingClientRect()
    const hit = document.elementFromPoint(left + width / 2, top + 2)
    if (dialog.open && hit && !dialog.contains(hit)) raise()
  }

  function putUp (): void {
    if (!shown) return
    // Not in the body, which the application exchanges, makes inert and takes pointer events from.
    if (dialog.parentNode !== document.documentElement) document.documentElement.append(dialog)
    if (!dialog.open) dialog.showModal()
    dialog.focus({ preventScroll: true })
  }

  function observe (): void {
    observer.disconnect()
    observer.observe(document, { childList: true })
    observer.observe(document.documentElement, { childList: true })
    if (covers(shown)) observer.observe(document.body, { subtree: true, attributes: true, attributeFilter: ['open'] })
  }
}

/** What can be heard, or seen in another window. */
function quieten (): void {
  for (const media of document.querySelectorAll<HTMLMediaElement>('audio, video')) media.pause()
  ;(window as { documentPictureInPicture?: { window: Window | null } }).documentPictureInPicture?.window?.close()
}

function element<Name extends keyof HTMLElementTagNameMap> (
  name: Name, attributes: Record<string, string> = {}
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
