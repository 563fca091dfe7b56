import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import WebSocket from 'ws'
import { clickAt, pressOf } from './actions.js'
import type { Engine } from './engines.js'
import { findProgram, reportMissing, said, start, temporaryFolder } from './program.js'
import { createTab, type Tab } from './tab.js'

// Without its background services: they ask for hosts that a test machine cannot reach.
const preferences = {
  'app.update.disabledForTesting': true,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage': 'about:blank',
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.server': 'data:,'
}

interface Reply {
  id: number | null
  type: 'success' | 'error' | 'event'
  result: Record<string, unknown>
  error?: string
  message?: string
}

type Call = (method: string, params?: object) => Promise<Record<string, unknown>>

interface Evaluated {
  result: { value: string }
  exceptionDetails?: { text: string }
}

interface Context {
  context: string
  userContext: string
}

/** Firefox by WebDriver BiDi, which it speaks itself. */
export async function launch (t: Test): Promise<Engine | undefined> {
  const { FIREFOX_PATH } = process.env
  const path = findProgram(...FIREFOX_PATH ? [FIREFOX_PATH] : ['firefox-esr', 'firefox'])
  if (path === undefined) {
    reportMissing(t, 'Firefox is missing: install firefox-esr, or name it in FIREFOX_PATH')
    return undefined
  }
  const profile = await temporaryFolder(t, 'firefox-')
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
  await writeFile(join(profile, 'user.js'), lines.join(''))
  // Port 0: it chooses a free one and says which.
  const firefox = start(t, path, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const url = await said(firefox, firefox.stderr!, /WebDriver BiDi listening on (ws:\S+)/)
  const call = await connect(t, `${url}/session`)
  await call('session.new', { capabilities: {} })
  return { name: 'Firefox', open: t => open(t, call) }
}

async function open (t: Test, call: Call): ReturnType<Engine['open']> {
  const { userContext } = await call('browser.createUserContext')
  t.teardown(() => call('browser.removeUserContext', { userContext }))
  const known = new Set<string>()
  return {
    async newTab () {
      // In one window, all tabs but one would be hidden.
      const { context } = await call('browsingContext.create', { type: 'window', userContext })
      return adopt(context as string)
    },
    async openedTab () {
      const { contexts } = await call('browsingContext.getTree', { maxDepth: 0 })
      const opened = (contexts as Context[]).find(one => one.userContext === userContext && !known.has(one.context))
      return opened && adopt(opened.context)
    }
  }

  function adopt (context: string): Tab {
    known.add(context)
    const perform = async (actions: unknown[]): Promise<void> => { await call('input.performActions', { context, actions }) }
    return createTab({
      goto: async url => { await call('browsingContext.navigate', { context, url, wait: 'complete' }) },
      async run (expression) {
        // What a person did is activation; a script of the test is none.
        const answer = await call('script.evaluate', { expression, target: { context }, awaitPromise: true, userActivation: false }) as unknown as Evaluated
        if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.text)
        return answer.result.value
      },
      press: (...keys) => perform(pressOf(keys)),
      clickAt: (x, y) => perform(clickAt(x, y)),
      bringToFront: async () => { await call('browsingContext.activate', { context }) },
      screenshot: async () => Buffer.from((await call('browsingContext.captureScreenshot', { context })).data as string, 'base64'),
      close: async () => { await call('browsingContext.close', { context }) }
    })
  }
}

async function connect (t: Test, url: string): Promise<Call> {
  const socket = new WebSocket(url)
  const pending = new Map<number, (reply: Reply) => void>()
  let last = 0
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  t.teardown(() => socket.terminate())
  socket.on('message', data => {
    const reply = JSON.parse(String(data)) as Reply
    if (reply.id !== null) pending.get(reply.id)?.(reply)
  })
  return async (method, params = {}) => {
    const id = ++last
    const reply = await new Promise<Reply>(resolve => {
      pending.set(id, resolve)
      socket.send(JSON.stringify({ id, method, params }))
    })
    pending.delete(id)
    if (reply.type === 'error') throw new Error(`${method}: ${reply.error}: ${reply.message}`)
    return reply.result
  }
}
