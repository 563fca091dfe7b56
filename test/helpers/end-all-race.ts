import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { random } from './stores.js'

interface Answer {
  /** Epoch ms with fractions, the same clock in all processes of the machine. */
  readonly beganAt: number
  readonly answeredAt: number
  readonly status: number
  readonly body: string
  readonly cookie: string | undefined
}

type Send = (request: { method?: 'POST', url: string, headers?: { cookie: string } }) => Promise<Answer>

export type StoreKind = 'redis' | 'plain redis' | 'postgres'

const touchInterval = 1500

/** Starts test/stores/end-all-process.mjs. */
async function startProcess (t: Test, kind: StoreKind, url: string, withBus: boolean): Promise<Send> {
  const file = new URL('../stores/end-all-process.mjs', import.meta.url)
  const env = { ...process.env, NODE_OPTIONS: '', STORE_URL: url }
  const child = fork(file, [kind, withBus ? 'yes' : 'no', `${touchInterval}ms`], { execArgv: [], env })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child, 'message')
  const waiting = new Map<number, (answer: Answer) => void>()
  let next = 0
  child.on('message', (message: Answer & { number: number }) => {
    waiting.get(message.number)!(message)
    waiting.delete(message.number)
  })
  return request => new Promise(resolve => {
    waiting.set(next, resolve)
    child.send({ number: next++, request })
  })
}

/**
 * A thousand sessions of one user in two processes, many with a request, a renewal or a sign-in under way, while one
 * process signs the user out everywhere.
 */
export async function checkEndAll (t: Test, kind: StoreKind, url: string, withBus: boolean): Promise<void> {
  const [here, there] = await Promise.all([startProcess(t, kind, url, withBus), startProcess(t, kind, url, withBus)])
  const either = (one: number): Send => one % 2 === 0 ? here : there
  const next = random(21)
  const whoIs = async (send: Send, cookie: string): Promise<string | null> => JSON.parse((await send({ url: '/me', headers: { cookie } })).body).userId
  const before: string[] = []
  for (let one = 0; one < 1000; one += 100) {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => either(at)({ method: 'POST', url: '/sign-in' })))
    before.push(...answers.map(({ cookie }) => cookie!))
  }
  // Both know all of them.
  for (const send of [here, there]) t.ok((await Promise.all(before.map(cookie => whoIs(send, cookie)))).every(user => user === 'ada'))
  const others: Answer[] = []
  const over = new AbortController()
  const signIns = Array.from({ length: 8 }, async (_, at) => {
    while (!over.signal.aborted) others.push(await either(at)({ method: 'POST', url: `/sign-in?ms=${next() * 30}` }))
  })
  while (others.length < 40) await pause(5)
  const underWay = before.slice(0, 600).map(async (cookie, at) => {
    await pause(next() * 200)
    return either(at >> 1)({ method: 'POST', url: `/${at % 2 === 0 ? 'modify' : 'renew'}?ms=${next() * 60}`, headers: { cookie } })
  })
  await pause(60)
  const end = await there({ method: 'POST', url: '/end-all' })
  t.equal(end.status, 200)
  const count = others.length
  while (others.length < count + 80) await pause(5)
  over.abort()
  const requests = await Promise.all(underWay)
  await Promise.all(signIns)
  // A message takes its time as well.
  await pause(withBus ? 100 : Math.max(0, end.answeredAt + touchInterval - (performance.timeOrigin + performance.now())))
  const early = others.filter(({ answeredAt }) => answeredAt < end.beganAt)
  const late = others.filter(({ beganAt }) => beganAt > end.answeredAt)
  const cookies = [...before, ...requests.flatMap(({ cookie }) => cookie ?? []), ...early.map(({ cookie }) => cookie!)]
  t.comment(`${cookies.length} began before, ${late.length} after, ${others.length - early.length - late.length} beside it`)
  const found = { openThatBeganBefore: 0, closedThatBeganAfter: 0 }
  for (const send of [here, there]) {
    const users = await Promise.all(cookies.map(cookie => whoIs(send, cookie)))
    found.openThatBeganBefore += users.filter(user => user !== null).length
    const present = await Promise.all(late.map(({ cookie }) => whoIs(send, cookie!)))
    found.closedThatBeganAfter += present.filter(user => user !== 'ada').length
  }
  t.same(found, { openThatBeganBefore: 0, closedThatBeganAfter: 0 })
  t.ok(early.length > 10 && late.length > 10)
}
