// An application in a process of its own; it takes requests as messages.
import { openApplication, type Ask } from './application.js'

const [module, options] = process.argv.slice(2) as [string, string]
const { timeout, replace } = JSON.parse(options) as { timeout: object | false, replace: boolean }
const subject = await import(module) as { create: () => object | Promise<object> }
const store = await subject.create()
if (!replace) Object.assign(store, { replace: undefined })
const app = await openApplication(store, { timeout })

process.on('message', async ({ number, ask }: { number: number, ask: Ask }) => {
  process.send!({ number, answer: await app.ask(ask) })
})
// Whoever started it may be killed.
process.on('disconnect', () => process.exit())
process.send!('ready')
