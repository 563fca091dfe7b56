import type FakeTimers from '@sinonjs/fake-timers'
import { instant } from '../../../client/clock.js'
import { isHidden, isShown, type Session } from '../../../client/session/machine.js'
import type { Page, Ports, Runner } from '../../../client/session/run.js'
import type { Answer, Method, Status } from '../../../client/session/server.js'
import type { Message } from '../../../client/session/tabs.js'
import { minute, second } from '../../helpers/time.js'

export type RunSession = (page: Page, ports: Ports) => Runner
export type User = 'ada' | 'eve'

/** Two tabs of one browser, in front of one server. */
export interface World {
  /** What can happen next. */
  deeds (): string[]
  /** Lets it happen, and looks at what must hold. */
  happen (deed: string): Promise<void>
  /** Lets everything come to rest, and looks whether every page is out of what nobody can leave. */
  settle (): Promise<void>
  /** What decides about everything that comes next, as far as it can be seen. */
  look (): string
  readonly wrongs: ReadonlySet<string>
}

interface Call {
  readonly method: Method
  /** Its place among everything that was sent, covered or uncovered. */
  readonly at: number
  readonly answer: Answer
  /** What the server thinks at that moment of the page that asks. */
  readonly yours: boolean
  resolve (answer: Answer): void
}

interface Tab {
  readonly name: string
  readonly runner: Runner
  /** Whose page it is, once anybody has said. */
  owner: User | null
  readonly calls: Call[]
  readonly inbox: Message[]
  sent: number
  /** The latest call that was answered, by its place. */
  heard: number
  hidden: boolean
  hiddenAt: number
  /** Until when the server has said that its user is signed in, epoch ms. */
  confirmed: number
  unsaved: boolean
  /** No code has run in it since the machine slept. */
  asleep: boolean
  gone: boolean
}

const limit = 30 * minute
const warnBefore = 2 * minute
const dead = { remaining: null, idleRemaining: null, warnBefore, canExtend: false, page: null }
// What is not faked.
const { setImmediate } = globalThis

/** The pages as they may be loaded: fresh; without a word whose it is; out of caches. */
export const starts = {
  fresh: 'live', shell: 'unknown', worked: 'covered', copied: 'copied', unclaimed: 'unclaimed'
} as const satisfies Record<string, Page['stage']>

export type Start = keyof typeof starts

export async function openWorld (clock: ReturnType<typeof FakeTimers.install>, run: RunSession, pages: readonly Start[]): Promise<World> {
  const wrongs = new Set<string>()
  let user: User | null = 'ada'
  let deadline = Date.now() + limit
  let ended: Status['ended'] = null
  let place = 0
  // The one that is answered just now.
  let answering: { tab: Tab, call: Call } | null = null
  const tabs: Tab[] = []
  pages.forEach((start, index) => tabs.push(open(start, `tab ${index}`)))
  for (const tab of tabs) tab.runner.start()
  await rest()
  return { deeds, happen, settle, look, wrongs }

  function open (start: Start, name: string): Tab {
    const stage = starts[start]
    const known = { at: instant(), remaining: limit, warnBefore: 0, canExtend: true, limit: null, proven: false }
    const told = start !== 'shell' && start !== 'unclaimed'
    const tag = told ? 'ada' : null
    const page: Page = stage === 'live' ? { stage, tag, known } : { stage, tag, known: null }
    const tab: Tab = {
      name,
      owner: told ? 'ada' : null,
      calls: [],
      inbox: [],
      sent: 0,
      heard: 0,
      hidden: stage !== 'live' && stage !== 'unknown',
      hiddenAt: 0,
      confirmed: stage === 'live' ? deadline : 0,
      unsaved: false,
      asleep: false,
      gone: false,
      runner: run(page, {
        call: (method, page) => new Promise(resolve => {
          tab.sent++
          tab.calls.push({ method, at: ++place, resolve, ...answer(method, page) })
        }),
        touchInterval: minute,
        isVisible: () => true,
        isUnsaved: () => tab.unsaved,
        show () {
          tab.asleep = false
          see(tab)
        },
        leave () {
          if (tab.unsaved && tab.runner.session.stage !== 'left') wrongs.add('left with unsaved work')
          tab.gone = true
        },
        reload () {
          if (tab.unsaved) wrongs.add('loaded again with unsaved work')
          tab.gone = true
        },
        dispatchEvents () {},
        post (message) { for (const other of tabs) if (other !== tab) other.inbox.push(message) },
        complain () {}
      })
    }
    return tab
  }

  /** What the server says now. */
  function answer (method: Method, page: string | null): { answer: Answer, yours: boolean } {
    const at = instant()
    if (user && Date.now() >= deadline) {
      user = null
      ended = 'idle'
    }
    if (method === 'DELETE') {
      user = null
      ended = null
      return { answer: { at, code: 204 }, yours: false }
    }
    if (!user) {
      const status: Status = { ...dead, active: false, ended, yours: page === null }
      return { answer: method === 'GET' ? { at, code: 200, status } : { at, code: 401 }, yours: false }
    }
    const yours = page === null || page === user
    if (method === 'POST' && yours) deadline = Date.now() + limit
    const remaining = deadline - Date.now()
    return {
      yours,
      answer: { at, code: 200, status: { active: true, remaining, idleRemaining: remaining, warnBefore, canExtend: true, ended: null, yours, page: page === null ? user : null } }
    }
  }

  /** What the page shows now. */
  function see (tab: Tab): void {
    const hidden = isHidden(tab.runner.session)
    if (hidden === tab.hidden) return
    place++
    tab.hidden = hidden
    if (hidden) tab.hiddenAt = place
    else if (tab.runner.session.stage === 'unknown') {
      if (tab.owner) wrongs.add('uncovered as if it had no user')
    } else if (answering?.tab !== tab) wrongs.add('uncovered without an answer')
    else if (!answering.call.yours) wrongs.add('uncovered by an answer for another user')
    else if (answering.call.at < tab.hiddenAt) wrongs.add('uncovered by an answer that is older than the cover')
  }

  function deeds (): string[] {
    const all = tabs.flatMap((tab, index) => {
      if (tab.gone) return []
      const { session } = tab.runner
      const shown = isShown(session)
      return [
        tab.calls.length > 0 && 'answer',
        tab.calls.length > 1 && 'answer the last of',
        tab.calls.length > 0 && 'no answer for',
        tab.inbox.length > 0 && 'message to',
        'wake',
        'restore',
        shown && !tab.unsaved && 'type in',
        tab.unsaved && 'save in',
        session.warned && 'stay in',
        !isSettled(session) && 'sign out in'
      ].filter(name => name !== false).map(name => `${name} ${index}`)
    })
    return [...all, 'time passes', 'the machine sleeps', 'ada signs in', 'eve signs in', 'the session is destroyed']
  }

  async function happen (deed: string): Promise<void> {
    const [, name, index] = /^(.*?)(?: (\d))?$/.exec(deed)!
    const tab = tabs[Number(index ?? 0)]!
    const before = tabs.map(({ sent }) => sent)
    // Of an answer that is out of date the page takes no notice, nor of what the application saves.
    if (index !== undefined && !/answer|save/.test(name!)) tab.asleep = false
    await act(name!, tab)
    if (/answer|message|wake|restore|stay|sign out/.test(name!) && tab.sent - before[tabs.indexOf(tab)]! > 1) wrongs.add(`two requests because of one deed: ${name}`)
    for (const one of tabs) check(one)
  }

  async function act (name: string, tab: Tab): Promise<void> {
    const { runner } = tab
    switch (name) {
      case 'answer': return deliver(tab, tab.calls.shift()!)
      case 'answer the last of': return deliver(tab, tab.calls.pop()!)
      case 'no answer for': {
        const call = tab.calls.shift()!
        return deliver(tab, { ...call, yours: false, answer: { at: call.answer.at, code: 0 } })
      }
      case 'message to': runner.hint(tab.inbox.shift()!); break
      case 'wake': runner.wake('shown'); break
      case 'restore': runner.wake('restored'); break
      case 'type in':
        tab.unsaved = true
        runner.act()
        break
      case 'save in': tab.unsaved = false; break
      case 'stay in': runner.extend(); break
      case 'sign out in': runner.end(); break
      case 'time passes':
        await clock.nextAsync()
        // Whatever else is due at this moment.
        await clock.tickAsync(0)
        break
      case 'the machine sleeps':
        for (const one of tabs) one.asleep = true
        clock.setSystemTime(Date.now() + limit + minute)
        break
      case 'the session is destroyed':
        user = null
        ended = 'missing'
        break
      // On a page with the client, which tells the others.
      default: signIn(name.startsWith('ada') ? 'ada' : 'eve')
    }
    await rest()
  }

  function signIn (who: User): void {
    user = who
    deadline = Date.now() + limit
    ended = null
    for (const tab of tabs) tab.inbox.push({ type: 'arrived' })
  }

  async function deliver (tab: Tab, call: Call): Promise<void> {
    const overtaken = call.at < tab.heard
    const { status } = call.answer
    tab.heard = Math.max(tab.heard, call.at)
    if (call.yours && status?.active && !overtaken) {
      tab.owner ??= status.page as User
      // Also one that is not heard any more: it was true.
      tab.confirmed = Math.max(tab.confirmed, Date.now() - (performance.now() - call.answer.at[0]) + status.remaining!)
    }
    answering = { tab, call }
    call.resolve(call.answer)
    await rest()
    answering = null
    if (status && !call.yours && !overtaken && isShown(tab.runner.session)) wrongs.add('shown after the server has said no')
  }

  function check (tab: Tab): void {
    const { session } = tab.runner
    if (tab.gone || tab.asleep || !isShown(session)) return
    if (session.tag !== null && session.tag !== tab.owner) wrongs.add('it belongs to somebody else now')
    if (Date.now() >= tab.confirmed) wrongs.add(user === tab.owner ? 'shown past its deadline' : 'shown past its deadline, to another user')
  }

  async function settle (): Promise<void> {
    await comeToRest()
    const stuck = tabs.filter(tab => !tab.gone && !isSettled(tab.runner.session))
    for (const { runner } of stuck) wrongs.add(`no way out of ${runner.session.stage}`)
    // Its own user is signed in again, and looks at it.
    signIn('ada')
    for (const tab of tabs) if (!tab.gone) tab.runner.wake('shown')
    await comeToRest()
    for (const tab of tabs) {
      const { stage } = tab.runner.session
      if (!tab.gone && tab.owner === 'ada' && !isShown(tab.runner.session)) wrongs.add(`not given back to its user: ${stage}`)
    }
  }

  /** The server answers, messages arrive, and time passes as long as a page waits for it. */
  async function comeToRest (): Promise<void> {
    const end = Date.now() + 20 * minute
    for (let deeds = 0; deeds < 500; deeds++) {
      const asking = tabs.find(tab => !tab.gone && tab.calls.length > 0)
      const told = tabs.find(tab => !tab.gone && tab.inbox.length > 0)
      if (asking) await happen(`answer ${tabs.indexOf(asking)}`)
      else if (told) await happen(`message to ${tabs.indexOf(told)}`)
      else if (tabs.some(tab => !tab.gone && !isSettled(tab.runner.session)) && clock.countTimers() > 0 && Date.now() < end) await happen('time passes')
      else return
    }
    wrongs.add('it never comes to rest')
  }

  function look (): string {
    const ago = (at: number): number => Math.round((Date.now() - at) / second)
    return JSON.stringify([
      user, ended, ago(deadline), clock.countTimers(),
      tabs.map(tab => {
        const { session } = tab.runner
        const { known, headerTimeLeft } = session
        return [
          session.stage, session.tag, session.warned, session.reason, tab.owner, tab.unsaved, tab.asleep, tab.gone, ago(tab.confirmed), tab.inbox,
          known && [known.remaining, ago(known.at[1]), Math.round((performance.now() - known.at[0]) / second), known.proven], headerTimeLeft?.remaining,
          tab.calls.map(({ method, at, answer, yours }) => [method, answer.code, yours, ago(answer.at[1]), at < tab.heard, at < tab.hiddenAt])
        ]
      })
    ])
  }
}

/** Whether the user of the page can go on from there without waiting for anything. */
function isSettled ({ stage }: Session): boolean {
  return !['covered', 'copied', 'unclaimed', 'leaving', 'renewing'].includes(stage)
}

/** Promises are settled, whatever they lead to. */
async function rest (): Promise<void> {
  await new Promise<void>(resolve => { setImmediate(resolve) })
}
