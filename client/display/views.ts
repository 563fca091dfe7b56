import { isHidden, isOver, isWarning, type Session } from '../session/machine.js'
import type { Circumstances } from '../session/run.js'
import { formatTime, isMilestone, type Words } from './messages.js'

/** What the user can choose, by the text of its button. */
export type Choice = 'stay' | 'signOut' | 'signIn' | 'renew' | 'dismiss' | 'retry'

/** What is shown over the page. */
export type View = Warning | Cover

interface AnyView {
  readonly title: string
  readonly text: string
  /** Whether a screen reader is told of the text although the view is the same. */
  readonly announce?: boolean
}

interface Warning extends AnyView {
  readonly kind: 'stay' | 'limit'
  /** The first is what Esc does; signing out never is. */
  readonly choices: readonly [Choice, Choice]
}

/** It hides the page. */
interface Cover extends AnyView {
  readonly kind: 'checking' | 'retry' | 'ended'
  readonly choices: readonly Choice[]
}

/** What becomes of what was entered on the page, by its text. */
export type Fate = 'kept' | 'lost' | 'endedText'

export function viewOf (
  session: Session, { silent, seconds }: Circumstances, { messages, locale }: Words, fate: () => Fate
): View | null {
  if (isWarning(session)) {
    const kind = session.known.canExtend ? 'stay' : 'limit'
    const text = messages[kind === 'stay' ? 'warning' : kind].replace('{time}', formatTime(seconds, locale))
    const failed = session.stage === 'failed'
    return {
      kind,
      title: messages.title,
      text: failed ? `${text} ${messages.silent}` : text,
      announce: failed || isMilestone(seconds),
      choices: kind === 'stay' ? ['stay', 'signOut'] : ['dismiss', 'renew']
    }
  }
  if (isOver(session)) {
    const why = messages[session.reason === 'signed-out' ? 'signedOut' : session.reason]
    return { kind: 'ended', title: messages.ended, text: `${why} ${messages[fate()]}`, choices: ['signIn'] }
  }
  if (!isHidden(session)) return null
  if (silent) return { kind: 'retry', title: messages.checking, text: messages.silent, choices: ['retry'] }
  return { kind: 'checking', title: messages.checking, text: messages.endedText, choices: [] }
}

/** Whether it hides the page. */
export function covers (view: View | null): boolean {
  return !!view && !warns(view)
}

/** What Esc does. */
export function escapeOf (view: View | null): Choice | null {
  return view && warns(view) ? view.choices[0] : null
}

/** What Enter and Space do, once the user has seen what is asked. Nothing that a key could do by accident signs anybody out. */
export function confirmOf ({ kind }: View): Choice | null {
  return kind === 'stay' || kind === 'retry' ? kind : null
}

function warns (view: View): view is Warning {
  return view.kind === 'stay' || view.kind === 'limit'
}
