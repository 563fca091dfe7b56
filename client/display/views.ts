import type { Session } from '../session/machine.js'
import type { Circumstances } from '../session/run.js'
import { formatTime, isMilestone, type Words } from './messages.js'

/** What the user can choose, by the text of its button. */
export type Choice = 'stay' | 'signOut' | 'signIn' | 'renew' | 'dismiss' | 'retry'

/** What is shown over the page. */
export interface View {
  readonly kind: 'stay' | 'limit' | 'checking' | 'retry' | 'ended'
  readonly title: string
  readonly text: string
  /** The first is what Esc does, near the end; signing out never is. */
  readonly choices: readonly Choice[]
  /** Whether a screen reader is told of the text although the view is the same. */
  readonly announce?: boolean
}

/** @param kept whether something on the page is not saved */
export function viewOf (
  session: Session, { silent, failed, seconds }: Circumstances, { messages, locale }: Words, kept: () => boolean
): View | null {
  const { state, known, reason } = session
  if (state === 'warned') {
    const kind = known!.canExtend ? 'stay' : 'limit'
    const text = messages[kind === 'stay' ? 'warning' : kind].replace('{time}', formatTime(seconds, locale))
    return {
      kind,
      title: messages.title,
      text: failed ? `${text} ${messages.silent}` : text,
      announce: failed || isMilestone(seconds),
      choices: kind === 'stay' ? ['stay', 'signOut'] : ['dismiss', 'renew']
    }
  }
  if (state === 'covered') {
    if (silent) return { kind: 'retry', title: messages.checking, text: messages.silent, choices: ['retry'] }
    return { kind: 'checking', title: messages.checking, text: messages.endedText, choices: [] }
  }
  if (state !== 'ended') return null
  const why = messages[reason === 'signed-out' ? 'signedOut' : reason!]
  return { kind: 'ended', title: messages.ended, text: `${why} ${kept() ? messages.kept : messages.endedText}`, choices: ['signIn'] }
}

/** Whether it hides the page. */
export function covers (view: View | null): boolean {
  return !!view && !isWarning(view)
}

/** What Esc does. */
export function escapeOf (view: View | null): Choice | null {
  return view && isWarning(view) ? view.choices[0]! : null
}

/** What Enter and Space do, once the user has seen what is asked. Nothing that a key could do by accident signs anybody out. */
export function confirmOf ({ kind }: View): Choice | null {
  return kind === 'stay' || kind === 'retry' ? kind : null
}

function isWarning ({ kind }: View): boolean {
  return kind === 'stay' || kind === 'limit'
}
