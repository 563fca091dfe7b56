import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedis, startWorker } from '../helpers/redis.js'
import { random } from '../helpers/stores.js'

const idleTimeout = 1000
// What a loaded machine may take to get a touch into the store.
const margin = 250

const redis = await startRedis(t)
if (redis) {
  t.test('parallel requests in two processes around the idle deadline', async t => {
    const timeout = { idleTimeout, touchInterval: 10 }
    const workers = await Promise.all([startWorker(t, redis, { timeout }), startWorker(t, redis, { timeout })] as const)
    const next = random(7)

    await t.test('a user whose first request arrived in time is not ended by its siblings after the deadline', async t => {
      let lost = 0
      let inTime = 0
      for (let round = 0; round < 5; round++) {
        await Promise.all(Array.from({ length: 20 }, async () => {
          const cookie = (await workers[0].request({ method: 'POST', url: '/sign-in' })).cookie!
          await sleep(idleTimeout - margin - next() * 40)
          const first = workers[0].request({ method: 'POST', url: '/modify?ms=80', headers: { cookie } })
          const siblings = await Promise.all([0, 1, 2].map(async which => {
            await sleep(margin + next() * 40)
            return workers[which % 2]!.request({ url: '/me', headers: { cookie } })
          }))
          // On a busy machine the first request may itself come too late: then there is nothing to see.
          if (!(await first).body.includes('ada')) return
          inTime++
          for (const { body } of siblings) if (!body.includes('ada')) lost++
        }))
      }
      // A fault that ends those who came in time must not pass for a busy machine.
      t.ok(inTime >= 90, `${inTime} of 100 first requests came in time`)
      t.equal(lost, 0)
    })

    await t.test('a user who comes after the deadline is ended, in whichever process', async t => {
      let known = 0
      const before = await redis.signedIn()
      for (let round = 0; round < 5; round++) {
        await Promise.all(Array.from({ length: 20 }, async () => {
          const cookie = (await workers[0].request({ method: 'POST', url: '/sign-in' })).cookie!
          await sleep(idleTimeout + margin)
          const answers = await Promise.all([0, 1, 0, 1].map(which => workers[which]!.request({ url: '/me', headers: { cookie } })))
          for (const { body } of answers) if (body.includes('ada')) known++
        }))
      }
      t.equal(known, 0)
      t.equal(await redis.signedIn(), before, 'and nothing is left in the store')
    })
  })
}
