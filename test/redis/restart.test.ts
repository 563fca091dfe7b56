import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedis, startWorker } from '../helpers/redis.js'

const redis = await startRedis(t)
if (redis) {
  t.test('Redis dies in the middle of load and comes back empty', async t => {
    const worker = await startWorker(t, redis, { timeout: { touchInterval: 0 } })
    const cookies = await Promise.all(Array.from({ length: 50 }, async () => (await worker.request({ method: 'POST', url: '/sign-in' })).cookie!))
    const run = { on: true, emptied: false }
    const seen = { before: 0, down: 0, wrong: 0, other: 0 }
    const load = cookies.map(async cookie => {
      while (run.on) {
        const after = run.emptied
        const { status, body } = await worker.request({ method: 'POST', url: '/modify?ms=1', headers: { cookie } })
        if (status >= 500) seen.down++
        else if (body === 'ada' && after) seen.wrong++
        else if (body === 'ada') seen.before++
        else seen.other++
      }
    })
    await sleep(500)
    await redis.kill()
    await sleep(500)
    t.ok(worker.alive(), 'the process survives')
    run.emptied = true
    await redis.restart()
    await sleep(1000)
    run.on = false
    await Promise.all(load)
    t.ok(seen.before > 0 && seen.down > 0, `${JSON.stringify(seen)}`)
    t.equal(seen.wrong, 0, 'nobody is signed in whose session is gone')
    t.equal(await redis.signedIn(), 0, 'nothing was written back')
    const cookie = (await worker.request({ method: 'POST', url: '/sign-in' })).cookie!
    t.match((await worker.request({ url: '/me', headers: { cookie } })).body, 'ada', 'service resumes by itself')
    t.ok(worker.alive())
  })
}
