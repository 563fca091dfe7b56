import { since, type Instant } from '../clock.js'
import type { ClientEndedReason } from '../types.js'
import {
  doubt, dueOf, end, explain, fail, isHidden, isOver, isProven, isShown, isSigningOut, isWarning, leave,
  noteTimeLeft, nothing, pass, recognise, silence, type Known, type Session
} from './machine.js'
import { createQuestions, type Usefulness } from './questions.js'
import { createReports } from './reports.js'
import type { Answer, Call, Method, Status } from './server.js'
import type { Message } from './tabs.js'

/** What came with the page. */
export type Page = {
  /** Whose it is; null when nobody said. */
  readonly tag: string | null
} & ({
  readonly stage: 'unknown' | 'unclaimed' | 'copied' | 'covered'
  readonly known: Known | null
} | {
  readonly stage: 'live'
  readonly known: Known
})

/** What cannot be seen in the session itself, or changes without it. */
export interface Circumstances {
  /** The server does not answer. */
  readonly silent: boolean
  /** To the deadline, while the user is warned. */
  readonly seconds: number
}

export interface Ports {
  readonly call: Call
  readonly touchInterval: number | undefined
  isVisible (): boolean
  /** Whether something on the page would be lost. */
  isUnsaved (): boolean
  show (circumstances: Circumstances): void
  /** The page has ended, and nothing holds it. */
  leave (reason: ClientEndedReason): void
  /** The page is an old copy, of another time or user. */
  reload (): void
  /** Dispatches the events of a change. */
  dispatchEvents (before: Session, after: Session): void
  post (message: Message): void
  complain (code: number): void
}

/** How the page comes back: from where nobody could use it, out of sight, or only to the focus. */
export type Waking = 'restored' | 'shown' | 'focused'

export interface Runner {
  readonly session: Session
  start (): void
  extend (): Promise<boolean>
  /** @param leaving whether the user wants to leave the page; otherwise to sign in again */
  end (leaving?: boolean): Promise<boolean>
  retry (): void
  stop (): void
  /** The user has done something. */
  act (): void
  wake (waking: Waking): void
  /** Before something that cannot be undone. Null where the answer is known; otherwise whether the page is still its user's. */
  check (): Promise<boolean> | null
  /** Another tab says something: a hint, never a fact. */
  hint (message: Message): void
  /** A response of the application carried the time left. */
  noteTimeLeft (remaining: number, at: Instant): void
}

// An answer that is no older says what is.
const fresh = 3000

// Coming and going within it is no news.
const recently = 10_000

/** Lets the machine run: asks the server, sets the one timer, and reports what has changed. */
export function runSession (page: Page, ports: Ports): Runner {
  let session: Session = { ...nothing, ...page }
  let timer: ReturnType<typeof setTimeout> | undefined

  const questions = createQuestions({
    async call (method, body) {
      const answer = await ports.call(method, session.tag, body)
      const ended = answer.status?.ended
      // Also when it comes too late to count: the cookie may be gone at the next question, and the reason with it.
      if (ended === 'idle' || ended === 'absolute') session = explain(session, ended)
      return answer
    },
    question: () => isSigningOut(session) ? 'DELETE' : 'GET',
    receive,
    complain (code) {
      ports.complain(code)
      look()
    }
  })
  const reports = createReports(ports.touchInterval, () => since(session.known?.at), idleFor => { questions.send('POST', { idleFor }) })

  return {
    get session () { return session },
    start () {
      look()
      questions.askNow()
    },
    async extend () {
      const { status } = await questions.send('POST')
      const done = !!status?.active && status.yours
      if (!done) become(fail(session))
      return done
    },
    async end (leaving = true) {
      become(leave(session, leaving ? 'leaving' : 'renewing'))
      questions.forget()
      return (await questions.insist()).code === 204
    },
    retry () {
      questions.insist()
      look()
    },
    stop () {
      become({ ...session, stage: 'stopped' })
      questions.stop()
    },
    act () {
      notice()
      if (session.stage === 'live' && isProven(session)) reports.note()
    },
    wake (waking) {
      become(waking === 'restored' ? doubt(session) : pass(session))
      if (isHidden(session) && waking !== 'focused') questions.askNow()
      else if (questions.quietFor > recently) questions.ask()
    },
    check () {
      if (session.stage === 'stopped' || !isProven(session) || since(session.known?.at) < fresh || questions.failing) return null
      return questions.insist().then(() => !isHidden(session))
    },
    hint,
    noteTimeLeft (remaining, at) {
      notice()
      become(noteTimeLeft(session, { at, remaining }))
      // Of whose session that was, only the server can tell.
      if (session.stage !== 'live' && !(isWarning(session) && remaining <= session.known.warnBefore)) questions.ask()
    }
  }

  /** Timers may be late, after sleep for one: whatever happens on the page, it is not shown past its deadline. */
  function notice (): void {
    const next = pass(session)
    if (next !== session) become(next)
  }

  /** @param asking whether to ask at once what has become of a session that is in doubt */
  function become (next: Session, asking = true): void {
    const before = session
    if (before.stage === 'stopped') return
    session = next
    const { stage } = next
    if (stage !== 'live') reports.cancel()
    look()
    if (!isProven(before) && isProven(next)) ports.post({ type: 'arrived' })
    if (stage === before.stage && next.warned === before.warned) return
    if (stage === 'covered') doubtAgain(asking)
    if (isOver(next) && (stage === 'left' || !ports.isUnsaved())) ports.leave(next.reason)
    if (before.warned && stage === 'live') ports.post({ type: 'extended' })
    // Last of all: what the application throws must not keep a page uncovered.
    ports.dispatchEvents(before, next)
  }

  function doubtAgain (asking = true): void {
    questions.forget()
    if (asking) questions.askNow()
  }

  /** Shows where the session stands, and looks again when something is due. One timer, ever. */
  function look (): void {
    clearTimeout(timer)
    const due = dueOf(session)
    ports.show({ silent: questions.failing, seconds: due?.seconds ?? 0 })
    if (!due) return
    timer = setTimeout(() => become(pass(session)), due.ms)
    // Who has just typed is not warned only because the report was not due yet.
    if (due.ask && !reports.flush()) questions.ask()
  }

  function receive ({ code, status, at }: Answer, method: Method): Usefulness {
    if (status) return receiveStatus(status, at, method)
    if (code === 204) {
      ports.post({ type: 'ended', reason: 'signed-out' })
      become(end(explain(session, 'signed-out')))
    } else if (code === 401 && method === 'POST') {
      // Only a status tells the reason.
      questions.ask()
    } else if (code === 401 && (isProven(session) || session.stage !== 'live')) {
      over(true)
    } else {
      // Until it has given a status, the endpoint may be the address of something else.
      become(silence(pass(session)))
      return 'none'
    }
    return 'no news'
  }

  function receiveStatus (status: Status, at: Instant, method: Method): Usefulness {
    const { active, remaining, idleRemaining, warnBefore, canExtend } = status
    if (!active || !status.yours) {
      over(!active)
      return 'no news'
    }
    if (method === 'POST') reports.learn(idleRemaining)
    // Where another tab has said that it is over, asking was in vain.
    const usefulness = session.reason && !isOver(session) ? 'no news' : 'news'
    const limit = idleRemaining === remaining ? 'idle' : 'absolute'
    const next = pass(recognise(session, { at, remaining, warnBefore, canExtend, limit, proven: true }, status.page))
    if (session.stage !== 'covered' || next.stage !== 'covered') become(next)
    // The answer was on its way for longer than it says that there is left.
    else doubtAgain()
    return usefulness
  }

  /** @param everywhere whether that is so for all tabs: another user's are none of this page's business */
  function over (everywhere: boolean): void {
    if (session.stage === 'copied') return ports.reload()
    const before = session
    // Pages of a user that the browser keeps for a return, or in other tabs, must not wait for their deadline.
    if (everywhere && before.stage === 'unknown') ports.post({ type: 'arrived' })
    become(end(session))
    if (everywhere && isOver(session) && !isOver(before)) ports.post({ type: 'ended', reason: session.reason })
  }

  function hint (message: Message): void {
    if (session.stage === 'unknown') return
    notice()
    if (message.type === 'ended') {
      session = explain(session, message.reason)
      // One that says so again and again is not believed at once.
      if (isShown(session) && questions.ready) become(doubt(session))
      else if (isOver(session)) look()
      else questions.ask()
    } else if (isHidden(session)) questions.ask()
    else if (message.type === 'extended') {
      if (isWarning(session)) questions.ask()
    } else if (ports.isVisible()) questions.ask()
    // One that nobody sees asks when somebody looks.
    else become(doubt(session), false)
  }
}
