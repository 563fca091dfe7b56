import t from 'tap'
import { startRedis, startWorker, type Worker } from '../helpers/redis.js'
import { random } from '../helpers/stores.js'

const trials = Number(process.env.RACE_TRIALS ?? 2000)
const atOnce = 50

/** Sign-out in one process, a request that modifies the session in the other, at random moments. */
async function race (writer: Worker, ender: Worker, count: number): Promise<{ back: number, cookies: number, justEnded: number, failures: number }> {
  const next = random(count)
  const result = { back: 0, cookies: 0, justEnded: 0, failures: 0 }
  for (let done = 0; done < count; done += atOnce) await Promise.all(Array.from({ length: atOnce }, trial))
  return result

  async function trial (): Promise<void> {
    const cookie = (await writer.request({ method: 'POST', url: '/sign-in' })).cookie!
    const [modified, signedOut] = await Promise.all([
      writer.request({ method: 'POST', url: `/modify?ms=${next() * 20}`, headers: { cookie } }, next() * 5),
      ender.request({ method: 'POST', url: '/sign-out', headers: { cookie } }, next() * 25)
    ])
    if (modified.status !== 200 || signedOut.status !== 200) result.failures++
    const me = await writer.request({ url: '/me', headers: { cookie } })
    if (JSON.parse(me.body).userId !== null) result.back++
    // Between the last look at the store and the response the session may still end; the cookie opens nothing then.
    if (modified.cookie === cookie && modified.at > signedOut.at) {
      if (modified.at - signedOut.at > 100) result.cookies++
      else result.justEnded++
    }
  }
}

const redis = await startRedis(t)
if (redis) {
  t.test('without the plugin, sign-outs are undone by requests in flight: the test can see the fault', async t => {
    const [writer, ender] = await Promise.all([startWorker(t, redis, { timeout: false }), startWorker(t, redis, { timeout: false })])
    const { back } = await race(writer, ender, 1000)
    t.comment(`${back} of 1000 came back`)
    t.ok(back > 50, 'sessions come back')
  })

  t.test(`of ${trials} sessions signed out in one process while the other writes them, none comes back`, async t => {
    const [writer, ender] = await Promise.all([startWorker(t, redis, { timeout: {} }), startWorker(t, redis, { timeout: {} })])
    const before = await redis.signedIn()
    const { justEnded, ...result } = await race(writer, ender, trials)
    t.comment(`${justEnded} responses carried the cookie of a session that had ended within the last 100 ms`)
    t.same(result, { back: 0, cookies: 0, failures: 0 })
    t.equal(await redis.signedIn(), before, 'and none is left in the store')
  })
}
