import { setTimeout as sleep } from 'node:timers/promises'

/** What each browser's own protocol has to do for one tab; everything else is made of it. */
export interface Driver {
  goto (url: string): Promise<void>
  /** Runs an expression in the page, waits for the promise that it is, and gives the string that it resolves to. */
  run (expression: string): Promise<string>
  press (...keys: string[]): Promise<void>
  clickAt (x: number, y: number): Promise<void>
  bringToFront (): Promise<void>
  screenshot (): Promise<Buffer>
  close (): Promise<void>
}

/** One tab of one browser, used as a person would: by real keys and a real mouse. */
export interface Tab {
  goto (url: string): Promise<void>
  /** Calls the function in the page; what goes in and out is JSON. */
  evaluate<Args extends unknown[], Result> (script: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>>
  /** Waits until the function is true in the page, also in one that comes after it; throws after `timeout` ms. */
  until<Args extends unknown[]> (what: string, script: (...args: Args) => unknown, args?: Args, timeout?: number): Promise<void>
  /** Clicks on whatever the page shows at the middle of the first element of that selector. */
  click (selector: string): Promise<void>
  /** Characters, or Enter, Escape, Tab or Space, one after the other without a pause. */
  press (...keys: string[]): Promise<void>
  type (text: string): Promise<void>
  text (selector: string): Promise<string>
  /** Whether a person can see it: there, with a size, not hidden, not transparent. */
  isShown (selector: string): Promise<boolean>
  url (): Promise<string>
  bringToFront (): Promise<void>
  screenshot (): Promise<Buffer>
  close (): Promise<void>
}

interface Outcome<Result> {
  value?: Result
  error?: string
}

const patience = 10_000

export function createTab (driver: Driver): Tab {
  const { goto, press, bringToFront, screenshot, close } = driver
  return { goto, press, bringToFront, screenshot, close, evaluate, until, click, type, text, isShown, url }

  function evaluate<Args extends unknown[], Result> (script: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>> {
    return call(script.toString(), args)
  }

  async function call<Result> (script: string, args: unknown[] = []): Promise<Result> {
    const expression = `Promise.resolve().then(() => (${script})(...${JSON.stringify(args)}))` +
      '.then(value => ({ value }), error => ({ error: String(error) })).then(JSON.stringify)'
    const outcome = JSON.parse(await driver.run(expression)) as Outcome<Result>
    if (outcome.error !== undefined) throw new Error(outcome.error)
    return outcome.value as Result
  }

  async function until<Args extends unknown[]> (what: string, script: (...args: Args) => unknown, args?: Args, timeout = patience): Promise<void> {
    const start = Date.now()
    const yesOrNo = `async (...args) => !!await (${script})(...args)`
    let last: unknown
    while (Date.now() - start < timeout) {
      try {
        last = await call(yesOrNo, args)
        if (last) return
      } catch (error) {
        // On its way to another page, it has nothing to run a script in.
        last = error
      }
      await sleep(50)
    }
    throw new Error(`Waited ${timeout} ms in vain: ${what}; the last answer was ${String(last)}`)
  }

  async function click (selector: string): Promise<void> {
    const middle = await call<[number, number] | null>(`selector => {
      const box = document.querySelector(selector)?.getBoundingClientRect()
      return box ? [box.x + box.width / 2, box.y + box.height / 2] : null
    }`, [selector])
    if (middle === null) throw new Error(`Nothing to click on: ${selector}`)
    await driver.clickAt(...middle)
  }

  function type (text: string): Promise<void> {
    return press(...text)
  }

  function text (selector: string): Promise<string> {
    return call('selector => document.querySelector(selector)?.textContent ?? ""', [selector])
  }

  function isShown (selector: string): Promise<boolean> {
    return call(`selector => {
      const element = document.querySelector(selector)
      return !!element && element.getClientRects().length > 0 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    }`, [selector])
  }

  function url (): Promise<string> {
    return call('() => location.href')
  }
}
