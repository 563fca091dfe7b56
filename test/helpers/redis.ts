import { fork, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { createClient } from 'redis'
import type { Test } from 'tap'

/** A Redis of the test's own, without persistence. */
export interface Redis {
  readonly url: string
  /** How many signed-in sessions it holds. */
  signedIn (): Promise<number>
  /** SIGKILL, as when a machine dies. */
  kill (): Promise<void>
  /** Starts it again, empty. */
  restart (): Promise<void>
}

/** Undefined, said aloud, where there is no redis-server; a failure under CI. */
export async function startRedis (t: Test): Promise<Redis | undefined> {
  const path = [process.env.REDIS_SERVER ?? '', ...(process.env.PATH ?? '').split(delimiter).map(dir => join(dir, 'redis-server'))].find(existsSync)
  if (path === undefined) {
    const message = 'redis-server is missing: install it, or name it in REDIS_SERVER'
    if (process.env.CI) t.fail(message)
    else t.comment(`NOT TESTED. ${message}`)
    return undefined
  }
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let server = await start()
  t.teardown(() => kill())
  return { url, signedIn, kill, restart: async () => { server = await start() } }

  async function start (): Promise<ChildProcess> {
    const child = spawn(path!, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    for await (const chunk of child.stdout!) {
      output += String(chunk)
      if (output.includes('Ready to accept connections')) break
    }
    child.stdout!.resume()
    return child
  }

  async function kill (): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    const gone = new Promise(resolve => server.once('exit', resolve))
    server.kill('SIGKILL')
    await gone
  }

  async function signedIn (): Promise<number> {
    const client = await createClient({ url }).connect()
    const keys = await client.keys('sess:*')
    const values = keys.length === 0 ? [] : await client.mGet(keys)
    await client.close()
    return values.filter(value => value?.includes('"userId"')).length
  }
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

export interface Answer {
  /** When the worker had the response, epoch ms with fractions. */
  at: number
  status: number
  cookie: string | undefined
  body: string
}

/** An application in a process of its own. */
export interface Worker {
  /** @param wait ms before the request is made */
  request (request: { method?: string, url: string, headers?: Record<string, string> }, wait?: number): Promise<Answer>
  alive (): boolean
}

/** Starts test/redis/worker.mjs on that Redis. */
export async function startWorker (t: Test, redis: Redis, options: { timeout: object | false, skew?: number }): Promise<Worker> {
  const child = fork(new URL('../redis/worker.mjs', import.meta.url), [redis.url, JSON.stringify(options)], { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } })
  t.teardown(() => { child.kill('SIGKILL') })
  const waiting = new Map<number, (answer: Answer) => void>()
  let next = 0
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`The worker ended with ${code}`)))
  })
  child.on('message', (message: Answer & { number: number }) => {
    waiting.get(message.number)!(message)
    waiting.delete(message.number)
  })
  return {
    alive: () => child.exitCode === null && child.signalCode === null,
    request: (request, wait = 0) => new Promise(resolve => {
      waiting.set(next, resolve)
      child.send({ number: next++, request, wait })
    })
  }
}
