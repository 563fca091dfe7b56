// Servers, loads and a Redis, each in a process of its own; everything stops with the benchmark.
import { fork, spawn } from 'node:child_process'
import { createServer } from 'node:net'
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

let loader

/** Loads a server for that long. One at a time. */
function load (url, cookie, seconds) {
  loader ??= keep(fork(path('load.mjs')))
  loader.send({ url, cookie, seconds })
  return message(loader)
}

/** Starts a contender and signs one user in. */
export async function startServer (contender, store, payload, redisUrl = '', users = 1) {
  const child = keep(fork(path('server.mjs'), [contender, store, String(payload), redisUrl]))
  const url = await message(child)
  const response = await fetch(`${url}/sign-in?users=${users}`, { method: 'POST' })
  const cookie = response.headers.getSetCookie()[0].split(';')[0]
  return {
    url,
    cookie,
    load: seconds => load(url, cookie, seconds),
    async counts () {
      child.send('count')
      await message(child)
      let cookies = 0
      let bytes = 0
      for (let i = 0; i < 1000; i++) {
        const response = await fetch(url, { headers: { cookie } })
        cookies += response.headers.getSetCookie().length
        bytes += Number(response.headers.get('content-length')) + [...response.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
      }
      child.send('read')
      return { ...await message(child), cookies, bytes }
    },
    /** @returns us per request, without a network */
    inject (requests) {
      child.send({ requests, cookie })
      return message(child)
    },
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
