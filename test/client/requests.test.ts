import { readFileSync } from 'node:fs'
import FakeTimers from '@sinonjs/fake-timers'
import t from 'tap'
import { instant } from '../../client/clock.js'
import { runSession, type Runner } from '../../client/session/run.js'
import type { Answer, Method, Status } from '../../client/session/server.js'
import { root } from '../helpers/root.js'
import { minute, second } from '../helpers/time.js'

interface State {
  /** What the server answers. */
  readonly answer: (method: Method) => Partial<Answer>
  readonly visible?: boolean
  /** What happens each second. */
  readonly happens?: (runner: Runner) => void
}

const limit = 30 * minute
const live: Status = { active: true, remaining: limit, idleRemaining: limit, warnBefore: 2 * minute, canExtend: true, ended: null, yours: true, page: null }
const dead: Status = { ...live, active: false, remaining: null, idleRemaining: null, canExtend: false, ended: 'idle', yours: false }
const typing = (runner: Runner): void => { runner.act() }

/** As the rows of the table are called. */
const states: Record<string, State> = {
  'live, no activity': { answer: () => ({ code: 200, status: live }) },
  'live, typing all the time': { answer: () => ({ code: 200, status: live }), happens: typing },
  'in a hidden tab': { answer: () => ({ code: 200, status: live }), visible: false },
  'warned, then over': {
    answer: (() => {
      const end = { at: 0 }
      return () => {
        end.at ||= Date.now() + 2 * minute
        const remaining = end.at - Date.now()
        return { code: 200, status: remaining > 0 ? { ...live, remaining, idleRemaining: remaining } : dead }
      }
    })()
  },
  ended: { answer: () => ({ code: 200, status: dead }) },
  offline: { answer: () => ({ code: 0 }), happens: typing },
  'the wrong endpoint (404, or a page)': { answer: () => ({ code: 404 }), happens: typing },
  429: { answer: () => ({ code: 429 }), happens: typing },
  500: { answer: () => ({ code: 500 }), happens: typing },
  'a redirect to the sign-in page': { answer: () => ({ code: 401 }), happens: typing }
}

const rows = readFileSync(new URL('docs/browser.md', root), 'utf8').matchAll(/^\| (.+) \| (\d+) \|$/gm)
const documented = new Map([...rows].map(([, state, requests]) => [state, Number(requests)]))

for (const [name, { answer, visible = true, happens }] of Object.entries(states)) {
  t.test(`the requests of one page in ten minutes are those that docs/browser.md says: ${name}`, async t => {
    const clock = FakeTimers.install({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
    t.teardown(() => clock.uninstall())
    let requests = 0
    const runner = runSession({ stage: 'live', tag: 'tag', known: { at: instant(), remaining: limit, warnBefore: 0, canExtend: true, limit: null, proven: false } }, {
      async call (method) {
        requests++
        return { at: instant(), code: 0, ...answer(method) }
      },
      touchInterval: minute,
      isVisible: () => visible,
      isUnsaved: () => true,
      show () {},
      leave () {},
      reload () {},
      dispatchEvents () {},
      post () {},
      complain () {}
    })
    runner.start()
    for (let at = 0; at < 10 * minute; at += second) {
      happens?.(runner)
      await clock.tickAsync(second)
    }
    runner.stop()
    t.equal(requests, documented.get(name))
  })
}
