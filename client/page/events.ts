import { isOver, isShown, isWarning, remainingOf, type Session } from '../session/machine.js'

type Events = Pick<DocumentEventMap, 'sessionwarning' | 'sessionextended' | 'sessionended' | 'sessionresumed'>

/** Dispatches the events of a change. */
export function dispatchEvents (before: Session, after: Session): void {
  const remaining = remainingOf(after)
  if (isOver(before) && isShown(after)) dispatch('sessionresumed', { remaining })
  if (before.warned && after.stage === 'live') dispatch('sessionextended', { remaining })
  if (!before.warned && isWarning(after)) dispatch('sessionwarning', { remaining: remainingOf(after), canExtend: after.known.canExtend })
  if (!isOver(before) && isOver(after)) dispatch('sessionended', { reason: after.reason })
}

function dispatch<Type extends keyof Events> (type: Type, detail: Events[Type]['detail']): void {
  document.dispatchEvent(new CustomEvent(type, { detail }))
}
