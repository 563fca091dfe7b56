import { since, type Instant } from '../clock.js'
import { doubt, dueOf, end, isShown, leave, nothing, pass, recognise, silence, tell, type Known, type Session } from './machine.js'
import { createQuestions, type Worth } from './questions.js'
import { createReports } from './reports.js'
import type { Answer, Call, Method, Status } from './server.js'
import type { Message } from './tabs.js'
import type { ClientEndedReason } from '../types.js'

/** What the page was told when it was loaded. */
export interface Page {
  /** Whose it is; null when nobody said. */
  readonly tag: string | null
  readonly known: Known | null
  /** It came out of a cache: what it was told may be long ago. */
  readonly cached: boolean
  /** Hidden from the start, until the server has answered. */
  readonly covered: boolean
}

/** What cannot be seen in the session itself, or changes without it. */
export interface Circumstances {
  /** The server does not answer. */
  readonly silent: boolean
  /** The user wanted to stay, and that failed. */
  readonly failed: boolean
  /** To the deadline, while the user is warned. */
  readonly seconds: number
}

export interface Ports {
  readonly call: Call
  readonly touchInterval: number | undefined
  isVisible (): boolean
  show (circumstances: Circumstances): void
  /** The page has ended; `chosen`: its user signed out here, and wants to go. */
  leave (reason: ClientEndedReason, chosen: boolean): void
  /** The page is an old copy, of another time or user. */
  reload (): void
  /** Tells the application of a change. */
  announce (before: Session, after: Session): void
  post (message: Message): void
  complain (code: number): void
}

export interface Runner {
  readonly session: Session
  start (): void
  extend (): Promise<boolean>
  /** @param chosen whether the user is to leave the page too */
  end (chosen?: boolean): Promise<boolean>
  retry (): void
  stop (): void
  /** The user has done something. */
  act (): void
  /** The page comes back; `away`: from where it could not look, or nobody could see it. */
  wake (away: boolean): void
  /** Another tab says something: a hint, never a fact. */
  hint (message: Message): void
  /** A response of the application told the time left. */
  told (remaining: number, at: Instant): void
}

// Coming and going within it is no news.
const recently = 10_000

/** Lets the machine run: asks the server, sets the one timer, tells everyone what has changed. */
export function runSession (page: Page, ports: Ports): Runner {
  let session: Session = { ...nothing, known: page.known, state: page.covered ? 'covered' : page.known ? 'live' : 'unknown' }
  let { tag } = page
  let timer: ReturnType<typeof setTimeout> | undefined
  // The endpoint has given a status: it is the right one.
  let proven = false
  // The other tabs know that this page's user is signed in.
  let announced = false
  let signingOut = false
  let chosen = false
  let failed = false
  // Why it is over, as somebody has said: the server once, or another tab.
  let hinted: ClientEndedReason | null = null

  const questions = createQuestions({
    async call (method, body) {
      const answer = await ports.call(method, tag, body)
      // Also when it comes too late to count: the cookie may be gone at the next question, and the reason with it.
      if (answer.status?.ended === 'idle' || answer.status?.ended === 'absolute') hinted = answer.status.ended
      return answer
    },
    question: () => signingOut ? 'DELETE' : 'GET',
    hear,
    complain (code) {
      ports.complain(code)
      look()
    }
  })
  const reports = createReports(ports.touchInterval, () => since(session.known!.at), idleFor => { questions.send('POST', { idleFor }) })

  return {
    get session () { return session },
    start () {
      look()
      questions.askNow()
    },
    async extend () {
      const { status } = await questions.send('POST')
      const done = !!status?.active && status.yours
      failed = !done && session.state === 'warned'
      look()
      return done
    },
    async end (leaving = true) {
      signingOut = true
      chosen = leaving
      become(leave(session))
      questions.forget()
      return (await questions.insist()).code === 204
    },
    retry () {
      questions.insist()
      look()
    },
    stop () {
      become({ ...session, state: 'stopped' })
      questions.stop()
    },
    act () {
      if (session.state === 'live' && proven) reports.note()
    },
    wake (away) {
      become(away ? doubt(session) : pass(session))
      if (session.state === 'covered' || away) questions.askNow()
      else if (questions.quietFor > recently) questions.ask()
    },
    hint,
    told (remaining, at) {
      become(tell(session, { at, remaining }))
      // Of whose session that was, only the server can tell.
      if (session.state !== 'live' && !(session.state === 'warned' && remaining <= session.known!.warnBefore)) questions.ask()
    }
  }

  function become (next: Session): void {
    const before = session
    if (before.state === 'stopped') return
    session = next
    const { state } = next
    if (state !== 'warned') failed = false
    if (state !== 'live') reports.cancel()
    look()
    if (state === before.state && next.warned === before.warned) return
    if (state === 'covered' && !signingOut) {
      questions.forget()
      questions.askNow()
    }
    if (state === 'ended') {
      ports.leave(next.reason!, chosen)
      signingOut = chosen = announced = false
    }
    if (before.warned && state === 'live') ports.post({ type: 'extended' })
    // Last of all: what the application throws must not keep a page uncovered.
    ports.announce(before, next)
  }

  /** Shows where the session stands, and looks again when something is due. One timer, ever. */
  function look (): void {
    clearTimeout(timer)
    const due = dueOf(session)
    ports.show({ silent: questions.failing, failed, seconds: due?.seconds ?? 0 })
    if (!due) return
    timer = setTimeout(() => become(pass(session)), due.ms)
    // Who has just typed is not warned only because the report was not due yet.
    if (due.ask && !reports.flush()) questions.ask()
  }

  function hear ({ code, status, at }: Answer, method: Method): Worth {
    if (status) return hearStatus(status, at, method)
    if (code === 204) {
      ports.post({ type: 'ended', reason: 'signed-out' })
      become(end(session, 'signed-out'))
    } else if (code === 401 && method === 'POST') {
      // Only a status tells the reason.
      questions.ask()
    } else if (code === 401 && (proven || session.state !== 'live')) {
      over(true)
    } else {
      // Until it has given a status, the endpoint may be the address of something else.
      become(silence(session))
      return 'nothing'
    }
    return 'over'
  }

  function hearStatus (status: Status, at: Instant, method: Method): Worth {
    const { active, remaining, warnBefore, canExtend } = status
    const first = !proven
    proven = true
    if (!active || !status.yours) {
      if (first && page.cached && session.state !== 'unknown') ports.reload()
      else over(!active)
      return 'over'
    }
    // The answer to something asked before.
    if (signingOut) return 'live'
    tag ??= status.page
    hinted = null
    if (method === 'POST') reports.learn(status.idleRemaining)
    become(recognise({ at, remaining, warnBefore, canExtend }))
    if (!announced) ports.post({ type: 'arrived' })
    announced = true
    return 'live'
  }

  /** @param everywhere whether that is so for all tabs: another user's are none of this page's business */
  function over (everywhere: boolean): void {
    const before = session.state
    become(end(session, signingOut ? 'signed-out' : hinted ?? 'missing'))
    if (everywhere && session.state !== before) ports.post({ type: 'ended', reason: session.reason! })
  }

  function hint (message: Message): void {
    const { state } = session
    if (state === 'unknown') return
    if (message.type === 'ended') {
      hinted = message.reason
      // The server may have answered before the other tab could say why.
      become(state === 'ended' && session.reason === 'missing' ? { ...session, reason: hinted } : doubt(session))
    } else if (!isShown(session)) questions.askNow()
    // A page that nobody sees asks when somebody looks.
    else if (message.type === 'extended' ? state === 'warned' : ports.isVisible()) questions.ask()
  }
}
