import { listen, type Undo } from '../listen.js'

/**
 * What a user does; not what scripts pretend, and not in a tab that nobody sees. `input` is all that dictation
 * gives, `click` all that assistive technology does.
 * Not `scroll`: it is trusted also when a script scrolls. Users scroll by wheel, key or pointer, touch being one.
 */
export function onActivity (callback: () => void): Undo {
  const undos = [
    // Editors often stop their keys from going up.
    listen(document, ['pointerdown', 'keydown', 'wheel', 'input', 'click'], event => {
      if (event.isTrusted && !document.hidden) callback()
    }, { capture: true, passive: true }),
    onFrameActivity(callback)
  ]
  return () => { for (const undo of undos) undo() }
}

/** Typing in a frame reaches no listener here, whatever its origin, but activates this page too. */
function onFrameActivity (callback: () => void): Undo {
  let timer: ReturnType<typeof setInterval> | undefined
  const undo = listen(window, ['blur', 'focus'], event => {
    clearInterval(timer)
    if (event.type === 'blur') timer = setInterval(look, 1000)
  })
  return () => {
    clearInterval(timer)
    undo()
  }

  function look (): void {
    const { activeElement } = document
    // The window has lost the focus to something else than a frame of its own.
    if (!activeElement || !/^(?:iframe|frame|object|embed)$/i.test(activeElement.tagName)) return clearInterval(timer)
    if (!document.hidden && navigator.userActivation?.isActive) callback()
  }
}
