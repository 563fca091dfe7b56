import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { JsonStore, random } from '../helpers/stores.js'

const trials = Number(process.env.RACE_TRIALS ?? 60)
const atOnce = 100

interface Result {
  /** Successors that are signed in though their session had been signed out before they were made. */
  carriedOn: number
  /** Trials in which the sign-out came first: those that try something. */
  tried: number
  failures: number
}

/** The sessions whose sign-out has begun. */
const left = new Set<string>()
/** Those whose successor was made after that. */
const late = new Set<string>()

function routes (app: FastifyInstance): void {
  app.post<{ Querystring: { ms: string } }>('/step-up', async request => {
    await sleep(Number(request.query.ms))
    const { sessionId } = request.session
    if (left.has(sessionId)) late.add(sessionId)
    await request.session.regenerate(['userId'])
    return 'raised'
  })
  app.post('/leave', async request => {
    left.add(request.session.sessionId)
    await request.session.destroy()
    return 'bye'
  })
}

async function race (app: FastifyInstance, count: number): Promise<Result> {
  const next = random(count)
  const result = { carriedOn: 0, tried: 0, failures: 0 }
  for (let done = 0; done < count; done += atOnce) await Promise.all(Array.from({ length: atOnce }, trial))
  return result

  async function trial (): Promise<void> {
    const cookie = cookieOf((await app.inject({ method: 'POST', url: '/sign-in' })).headers['set-cookie'])!
    const id = decodeURIComponent(cookie.slice('sessionId='.length)).split('.')[0]!
    const headers = { cookie }
    const [raised, out] = await Promise.all([
      app.inject({ method: 'POST', url: `/step-up?ms=${next() * 10}`, headers }),
      sleep(next() * 10).then(() => app.inject({ method: 'POST', url: '/leave', headers }))
    ])
    // A sign-out that comes when regenerate() has ended the session already finds none.
    if (raised.statusCode !== 200 || ![200, 500].includes(out.statusCode)) result.failures++
    const isLate = late.delete(id)
    left.delete(id)
    if (!isLate) return
    result.tried++
    const successor = cookieOf(raised.headers['set-cookie'])
    if (successor === undefined) return
    const me = await app.inject({ url: '/me', headers: { cookie: successor } })
    if (me.json().userId !== null) result.carriedOn++
  }
}

function cookieOf (header: string | string[] | undefined): string | undefined {
  return header?.toString().split(';')[0]
}

t.test('without the plugin, regenerate(keys) carries signed-out sessions on: the test can see the fault', async t => {
  const { app } = await buildApp(t, { session: { store: new JsonStore({ max: 3 }) }, timeout: false, routes })
  const { carriedOn, tried } = await race(app, 1000)
  t.comment(`of 1000, ${tried} were signed out first, and ${carriedOn} of them carried on`)
  t.ok(carriedOn > 50)
})

t.test(`of ${trials} sessions signed out while regenerate(keys) is under way, none is carried on`, async t => {
  const { app } = await buildApp(t, { session: { store: new JsonStore({ max: 3 }) }, timeout: { appliesTo: signedIn }, routes })
  const { tried, ...result } = await race(app, trials)
  t.comment(`${tried} were signed out first`)
  t.ok(tried > trials / 20)
  t.same(result, { carriedOn: 0, failures: 0 })
})
