import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { JsonStore, random } from '../helpers/stores.js'

const trials = Number(process.env.RACE_TRIALS ?? 100)
const atOnce = 100
const next = random(1)

interface Result {
  /** Old cookies that work again. */
  back: number
  /** Responses that hold the cookie of a session that had ended before the response's own save. */
  cookies: number
  failures: number
}

function routes (app: FastifyInstance): void {
  app.post('/modify', async request => {
    request.session.note = String(next())
    await sleep(next() * 10)
    return 'modified'
  })
}

async function race (app: FastifyInstance, count: number, end: 'sign-out' | 'regenerate'): Promise<Result> {
  const result = { back: 0, cookies: 0, failures: 0 }
  for (let done = 0; done < count; done += atOnce) await Promise.all(Array.from({ length: atOnce }, trial))
  return result

  async function trial (): Promise<void> {
    const cookie = cookieOf((await app.inject({ method: 'POST', url: '/sign-in' })).headers['set-cookie'])!
    const headers = { cookie }
    let modifiedFirst = false
    const [modified, ended] = await Promise.all([
      app.inject({ method: 'POST', url: '/modify', headers }).then(response => {
        modifiedFirst = true
        return response
      }),
      sleep(next() * 15).then(() => app.inject({ method: 'POST', url: end === 'sign-out' ? '/sign-out' : '/sign-in', headers }).then(response => ({ response, modifiedFirst })))
    ])
    if (modified.statusCode !== 200 || ended.response.statusCode !== 200) result.failures++
    if (!ended.modifiedFirst && cookieOf(modified.headers['set-cookie']) === cookie) result.cookies++
    const me = await app.inject({ url: '/me', headers })
    if (me.json().userId !== null) result.back++
  }
}

function cookieOf (header: string | string[] | undefined): string | undefined {
  return header?.toString().split(';')[0]
}

async function prepare (t: Test, withPlugin: boolean): Promise<{ app: FastifyInstance, store: JsonStore }> {
  const store = new JsonStore({ max: 3 })
  const { app } = await buildApp(t, { session: { store }, timeout: withPlugin && { appliesTo: signedIn }, routes })
  return { app, store }
}

t.test('without the plugin, sign-outs are undone by requests in flight: the test can see the fault', async t => {
  const { app } = await prepare(t, false)
  const { back, cookies } = await race(app, 300, 'sign-out')
  t.comment(`of 300: ${back} came back, ${cookies} responses carried the cookie`)
  t.ok(back > 15 && cookies > 15)
})

for (const end of ['sign-out', 'regenerate'] as const) {
  t.test(`of ${trials} sessions ended by ${end} while a long request modifies them, none comes back`, async t => {
    const { app, store } = await prepare(t, true)
    t.same(await race(app, trials, end), { back: 0, cookies: 0, failures: 0 })
    const left = store.sessions().filter(id => store.peek(id)?.userId !== undefined).length
    t.equal(left, end === 'sign-out' ? 0 : trials, 'none but the successors is in the store')
  })
}

t.test('a successor from regenerate() and reload() is guarded too', async t => {
  const store = new JsonStore()
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes (app) {
      for (const way of ['regenerate', 'reload'] as const) {
        app.post(`/${way}`, async request => {
          await (way === 'regenerate' ? request.session.regenerate(['userId']) : request.session.reload())
          // What another process does meanwhile.
          store.data.delete(request.session.sessionId)
          request.session.note = 'too late'
          return 'done'
        })
      }
    }
  })
  for (const way of ['regenerate', 'reload']) {
    const cookie = cookieOf((await app.inject({ method: 'POST', url: '/sign-in' })).headers['set-cookie'])!
    const response = await app.inject({ method: 'POST', url: `/${way}`, headers: { cookie } })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['set-cookie'], undefined, `${way}: no cookie for what has ended`)
    t.same(store.sessions(), [], `${way}: nothing was written`)
  }
})
