import { isOver, isShown, remainingOf, type Session } from '../session/machine.js'

type Events = Pick<DocumentEventMap, 'sessionwarning' | 'sessionextended' | 'sessionended' | 'sessionresumed'>

/** Tells the application, by events, what a change means to it. */
export function announce (before: Session, after: Session): void {
  const remaining = remainingOf(after)
  if (isOver(before) && isShown(after)) tell('sessionresumed', { remaining })
  if (before.warned && after.stage === 'live') tell('sessionextended', { remaining })
  if (!before.warned && after.warned) tell('sessionwarning', { remaining: remaining!, canExtend: after.known!.canExtend })
  if (!isOver(before) && isOver(after)) tell('sessionended', { reason: after.reason! })
}

function tell<Type extends keyof Events> (type: Type, detail: Events[Type]['detail']): void {
  document.dispatchEvent(new CustomEvent(type, { detail }))
}
