import { fork } from 'node:child_process'
import type { Answer, Application } from './application.js'

/** Opens the application in a process of its own, on a store that its module makes there. */
export async function forkApplication (
  module: string, options: { timeout: object | false, replace: boolean }
): Promise<Application> {
  const child = fork(new URL('./worker.js', import.meta.url), [module, JSON.stringify(options)])
  const waiting = new Map<number, (answer: Answer) => void>()
  let next = 0
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`The process with the store ended with ${code}`)))
  })
  child.on('message', ({ number, answer }: { number: number, answer: Answer }) => {
    waiting.get(number)!(answer)
    waiting.delete(number)
  })
  return {
    ask: ask => new Promise(resolve => {
      waiting.set(next, resolve)
      child.send({ number: next++, ask })
    }),
    close: async () => {
      child.kill('SIGKILL')
      await ended
    }
  }
}
