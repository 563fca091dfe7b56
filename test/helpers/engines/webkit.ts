import { existsSync, readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { clickAt, pressOf } from './actions.js'
import type { Engine, Profile } from './engines.js'
import { findProgram, reportMissing, said, start } from './program.js'
import { createTab, type Tab } from './tab.js'

type Call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<unknown>

interface Answer {
  value: unknown
}

/** WebKitGTK by W3C WebDriver. It needs a display, and its driver serves one profile: each gets its own. */
export async function launch (t: Test): Promise<Engine | undefined> {
  const driver = findProgram('WebKitWebDriver')
  const browser = findMiniBrowser()
  const xvfb = findProgram('Xvfb')
  if (driver === undefined || browser === undefined || xvfb === undefined) {
    reportMissing(t, 'WebKitGTK is missing: install webkit2gtk-driver and xvfb')
    return undefined
  }
  const screen = start(t, xvfb, ['-displayfd', '1', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const display = await said(screen, screen.stdout!, /^(\d+)\n/)
  const env = { ...process.env, DISPLAY: `:${display}` }
  return {
    name: 'WebKit',
    async open (t) {
      const port = await freePort()
      start(t, driver, ['-p', String(port)], { env, stdio: 'ignore' })
      return openProfile(t, `http://127.0.0.1:${port}`, browser)
    }
  }
}

async function openProfile (t: Test, url: string, binary: string): Promise<Profile> {
  const options = { binary, args: ['--automation'] }
  const { sessionId } = await create(url, { 'webkitgtk:browserOptions': options })
  const call: Call = (method, path, body) => request(method, `${url}/session/${sessionId}${path}`, body)
  const known = new Set<string>()
  let current: string | undefined
  // Each command goes to the window chosen last: choosing and using it are one step.
  let queue: Promise<unknown> = Promise.resolve()
  t.teardown(async () => {
    await queue.catch(() => {})
    await call('DELETE', '')
  })
  const first = await call('GET', '/window') as string
  return {
    async newTab () {
      if (!known.has(first)) return adopt(first)
      // In a tab of the same window all but one would be hidden, whichever was asked for.
      const { handle } = await call('POST', '/window/new', { type: 'window' }) as { handle: string }
      return adopt(handle)
    },
    async openedTab () {
      const handles = await call('GET', '/window/handles') as string[]
      const opened = handles.find(handle => handle !== first && !known.has(handle))
      return opened === undefined ? undefined : adopt(opened)
    }
  }

  function adopt (handle: string): Tab {
    known.add(handle)
    const inWindow = <Result>(step: () => Promise<Result>): Promise<Result> => {
      const result = queue.catch(() => {}).then(async () => {
        // Not without need: it takes the focus out of a frame.
        if (current !== handle) await call('POST', '/window', { handle })
        current = handle
        return step()
      })
      queue = result
      return result
    }
    const perform = async (actions: unknown[]): Promise<void> => { await inWindow(() => call('POST', '/actions', { actions })) }
    return createTab({
      goto: async url => { await inWindow(() => call('POST', '/url', { url })) },
      run: expression => inWindow(async () => {
        const script = `(${expression}).then(arguments[arguments.length - 1])`
        return await call('POST', '/execute/async', { script, args: [] }) as string
      }),
      press: (...keys) => perform(pressOf(keys)),
      clickAt: (x, y) => perform(clickAt(x, y)),
      bringToFront: () => inWindow(async () => { await call('POST', '/window', { handle }) }),
      screenshot: () => inWindow(async () => Buffer.from(await call('GET', '/screenshot') as string, 'base64')),
      close: () => inWindow(async () => {
        current = undefined
        await call('DELETE', '/window')
      })
    })
  }
}

/** The driver opens its port a little after it has started. */
async function create (url: string, capabilities: object): Promise<{ sessionId: string }> {
  for (let tries = 1; ; tries++) {
    try {
      return await request('POST', `${url}/session`, { capabilities: { alwaysMatch: capabilities } }) as { sessionId: string }
    } catch (error) {
      if (tries === 100 || !(error instanceof TypeError)) throw error
      await sleep(50)
    }
  }
}

async function request (method: string, url: string, body?: object): Promise<unknown> {
  const response = await fetch(url, { method, ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  const { value } = await response.json() as Answer
  if (!response.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`)
  return value
}

/** In a folder that is named after the architecture and the version. */
function findMiniBrowser (): string | undefined {
  const { MINIBROWSER_PATH } = process.env
  if (MINIBROWSER_PATH) return MINIBROWSER_PATH
  for (const folder of ['/usr/libexec', ...readdirSync('/usr/lib').map(name => join('/usr/lib', name))]) {
    for (const version of ['webkit2gtk-4.1', 'webkit2gtk-4.0', 'webkitgtk-6.0']) {
      const path = join(folder, version, 'MiniBrowser')
      if (existsSync(path)) return path
    }
  }
  return undefined
}

function freePort (): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
