// Servers, loads and a Redis, each in a process of its own; everything stops with the benchmark.
import { execFileSync, fork, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const children = new Set()
process.once('exit', () => { for (const child of children) child.kill('SIGKILL') })

const path = name => fileURLToPath(new URL(name, import.meta.url))

function keep (child) {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

function message (child) {
  return new Promise((resolve, reject) => {
    const refuse = code => reject(new Error(`A process ended with ${code}`))
    child.once('exit', refuse)
    child.once('message', answer => {
      child.off('exit', refuse)
      resolve(answer)
    })
  })
}

/** On a core of its own, where there is a way to say so: the load must not share the caches of the server. */
function pin (child, core) {
  if (process.platform !== 'linux' || availableParallelism() < 2) return child
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(child.pid)], { stdio: 'ignore' })
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  return child
}

let loader

/** Loads a server for that many seconds, or with that many requests. One at a time. */
function load (url, cookie, howMuch) {
  loader ??= pin(keep(fork(path('load.mjs'))), 1)
  loader.send({ url, cookie, ...howMuch })
  return message(loader)
}

/** Starts a contender and signs one user in. */
export async function startServer (contender, store, payload, redisUrl = '', users = 1) {
  const child = pin(keep(fork(path('server.mjs'), [contender, store, String(payload), redisUrl])), 0)
  const url = await message(child)
  const cookie = await signIn(users)
  const ask = question => {
    child.send(question)
    return message(child)
  }
  /** That many requests, none of which may fail: a figure of something else would be worse than none. */
  async function loadExactly (amount) {
    const { failed } = await load(url, cookie, { amount })
    if (failed > 0) throw new Error(`${failed} of ${amount} requests failed`)
  }
  async function signIn (users = 1) {
    const response = await fetch(`${url}/sign-in?users=${users}`, { method: 'POST' })
    return response.headers.getSetCookie()[0].split(';')[0]
  }
  return {
    url,
    signIn,
    load: seconds => load(url, cookie, { seconds }),
    /** @returns us of the server's CPU time a request, over that many */
    async spend (amount) {
      const before = await ask('cpu')
      await loadExactly(amount)
      const after = await ask('cpu')
      return (after.user + after.system - before.user - before.system) / amount
    },
    /** @returns the profile of V8 over that many requests */
    async profile (amount) {
      await ask('start profile')
      await loadExactly(amount)
      return ask('stop profile')
    },
    moveClock: ms => ask({ moveClock: ms }),
    async counts () {
      await ask('count')
      let cookies = 0
      let bytes = 0
      for (let i = 0; i < 1000; i++) {
        const response = await fetch(url, { headers: { cookie } })
        cookies += response.headers.getSetCookie().length
        bytes += Number(response.headers.get('content-length')) + [...response.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
      }
      return { ...await ask('read'), cookies, bytes }
    },
    /** @returns us per request, without a network */
    inject: requests => ask({ requests, cookie }),
    stop: () => child.kill('SIGKILL')
  }
}

/** @returns its url */
export async function startRedis () {
  const probe = createServer()
  await new Promise(resolve => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise(resolve => probe.close(resolve))
  const redis = keep(spawn(process.env.REDIS_SERVER ?? 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'inherit'] }))
  for await (const chunk of redis.stdout) if (String(chunk).includes('Ready to accept connections')) break
  redis.stdout.resume()
  return `redis://127.0.0.1:${port}`
}
