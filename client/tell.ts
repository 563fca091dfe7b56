import { isShown, remainingOf, type Session } from './machine.js'
import type { ClientSettings } from './types.js'

/** Tells the application what a change means to it, by an event and by its callback. */
export function announce (before: Session, after: Session, options: ClientSettings): void {
  const remaining = remainingOf(after)
  if (before.state === 'ended' && isShown(after)) tell('sessionresumed', options.onResumed, { remaining })
  if (before.warned && after.state === 'live') tell('sessionextended', options.onExtended, { remaining })
  if (!before.warned && after.warned) tell('sessionwarning', options.onWarning, { remaining: remaining!, canExtend: after.known!.canExtend })
  if (before.state !== 'ended' && after.state === 'ended') tell('sessionended', options.onEnded, { reason: after.reason! })
}

function tell<Detail> (type: string, callback: ((detail: Detail) => void) | undefined, detail: Detail): void {
  document.dispatchEvent(new CustomEvent(type, { detail }))
  callback?.(detail)
}
