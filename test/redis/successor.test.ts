import t from 'tap'
import { startRedis, startWorker, type Worker } from '../helpers/redis.js'
import { random } from '../helpers/stores.js'

const trials = Number(process.env.RACE_TRIALS ?? 2000)
const atOnce = 50

interface Result {
  /** Successors that are signed in though the other process had ended their session before they were asked for. */
  carriedOn: number
  /** Trials in which the sign-out came first. */
  tried: number
  failures: number
}

/** Sign-out in one process, regenerate(keys) of a request under way in the other. */
async function race (raiser: Worker, ender: Worker, count: number): Promise<Result> {
  const next = random(count)
  const result = { carriedOn: 0, tried: 0, failures: 0 }
  for (let done = 0; done < count; done += atOnce) await Promise.all(Array.from({ length: atOnce }, trial))
  return result

  async function trial (): Promise<void> {
    const cookie = (await raiser.request({ method: 'POST', url: '/sign-in' })).cookie!
    const [raised, out] = await Promise.all([
      raiser.request({ method: 'POST', url: `/step-up?ms=${10 + next() * 20}`, headers: { cookie } }, next() * 3),
      ender.request({ method: 'POST', url: '/sign-out', headers: { cookie } }, next() * 15)
    ])
    if (raised.status !== 200 || out.status !== 200) {
      result.failures++
      return
    }
    if (JSON.parse(out.body).at >= JSON.parse(raised.body).at) return
    result.tried++
    if (raised.cookie === undefined) return
    const me = await ender.request({ url: '/me', headers: { cookie: raised.cookie } })
    if (JSON.parse(me.body).userId !== null) result.carriedOn++
  }
}

const redis = await startRedis(t)
if (redis) {
  t.test('without the plugin, regenerate(keys) carries signed-out sessions on: the test can see the fault', async t => {
    const [raiser, ender] = await Promise.all([startWorker(t, redis, { timeout: false }), startWorker(t, redis, { timeout: false })])
    const { carriedOn, tried } = await race(raiser, ender, 500)
    t.comment(`of 500, ${tried} were signed out first, and ${carriedOn} of them carried on`)
    t.ok(carriedOn > 50)
  })

  t.test(`of ${trials} sessions signed out in one process while the other regenerates them, none is carried on`, async t => {
    const [raiser, ender] = await Promise.all([startWorker(t, redis, { timeout: {} }), startWorker(t, redis, { timeout: {} })])
    const { tried, ...result } = await race(raiser, ender, trials)
    t.comment(`${tried} were signed out first`)
    t.ok(tried > trials / 20)
    t.same(result, { carriedOn: 0, failures: 0 })
  })
}
