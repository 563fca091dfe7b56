export type Undo = () => void

export function listen (
  target: EventTarget, types: readonly string[], listener: (event: Event) => void, options?: AddEventListenerOptions
): Undo {
  for (const type of types) target.addEventListener(type, listener, options)
  return () => { for (const type of types) target.removeEventListener(type, listener, options) }
}
