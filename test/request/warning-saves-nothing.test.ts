import t, { type Test } from 'tap'
import { createGate, type Gate } from '../helpers/gate.js'
import { openTwins, settle } from '../helpers/scene.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute, second } from '../helpers/time.js'

const trials = 10

async function open (t: Test) {
  const clock = fakeClock(t)
  const data = new Map<string, string>()
  const gates: { page: Gate | undefined } = { page: undefined }
  const stores = [new JsonStore({ data }), new JsonStore({ data })] as const
  const twins = await openTwins(t, stores, {
    flash: true,
    timeout: { idleTimeout: false, absoluteTimeout: '1h', warnBefore: '5m' },
    routes (app) {
      app.get('/page', async (_request, reply) => {
        const warnings = reply.flash('warning')
        await gates.page?.pass()
        return warnings
      })
      app.get('/all', async (_request, reply) => reply.flash())
      app.post('/cart', async request => {
        request.session.cart = ['tea']
        return 'kept'
      })
    }
  })
  return { clock, data, gates, ...twins }
}

for (const url of ['/page', '/all']) {
  t.test(`the page ${url}, which shows that the session is about to end, leaves what is stored as it was`, async t => {
    const { clock, data, here, id } = await open(t)
    clock.tick(57 * minute)
    const before = data.get(id)
    const page = await here.browser.navigate(url)
    t.match(page.body, /Your session ends in 3 minutes/)
    await settle()
    t.equal(data.get(id), before)
  })

  t.test(`the same where messages were read before: ${url}`, async t => {
    const { clock, data, here, id } = await open(t)
    // Reading is what makes @fastify/flash put an empty list into the session.
    await here.browser.navigate(url)
    clock.tick(57 * minute)
    const before = data.get(id)
    t.match((await here.browser.navigate(url)).body, /Your session ends in 3 minutes/)
    t.notMatch((await here.browser.navigate(url)).body, /Your session ends/, 'once')
    await settle()
    t.equal(data.get(id), before)
  })
}

for (const place of ['the same process', 'another process'] as const) {
  t.test(`of ${trials} saves in ${place} while such a page is made, all are kept`, async t => {
    let lost = 0
    for (let trial = 0; trial < trials; trial++) {
      await t.test(`${trial + 1}`, async t => {
        const { clock, data, gates, here, there, id } = await open(t)
        clock.tick(57 * minute)
        const gate = gates.page = createGate()
        const showing = here.browser.clone().navigate('/page')
        await gate.reached
        const saving = place === 'the same process' ? here : there
        t.equal((await saving.browser.clone().post('/cart')).body, 'kept')
        gate.open()
        t.match((await showing).body, /Your session ends in 3 minutes/)
        await settle()
        if (!/tea/.test(data.get(id)!)) lost++
      })
    }
    t.equal(lost, 0)
  })
}

t.test('another process does not show it again', async t => {
  const { clock, here, there } = await open(t)
  clock.tick(57 * minute)
  t.match((await here.browser.navigate('/page')).json(), [/Your session ends/])
  await settle()
  clock.tick(second)
  t.same((await there.browser.navigate('/page')).json(), [])
})
