import t from 'tap'
import type { Duration } from '../../index.js'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

/** What a limit function does from its nth call of a request on. */
const turns: Record<string, () => Duration> = {
  'throws an error': () => { throw new Error('The role cannot be read') },
  'gives rubbish': () => NaN,
  'gives a promise': () => Promise.resolve(1000) as unknown as number,
  'gives another limit': () => 5 * minute
}

for (const option of ['idleTimeout', 'absoluteTimeout'] as const) {
  for (const [name, turn] of Object.entries(turns)) {
    for (const url of ['/me', '/note', '/touch', '/session-timeout']) {
      t.test(`an ${option} function that ${name} at a later call is never taken for a fault of the store, at ${url}`, async t => {
        // 0: always steady.
        let from = 0
        let calls = 0
        const { browser, clock, logs } = await openScene(t, {
          timeout: {
            endpoint: '/session-timeout',
            touchInterval: '1m',
            [option]: () => ++calls >= from && from > 0 ? turn() : '30m'
          },
          routes (app) {
            app.post('/note', async request => {
              request.session.note = request.id
              return { userId: request.session.userId ?? null }
            })
            app.post('/touch', async request => {
              await request.sessionTimeout.touch()
              return { userId: request.session.userId ?? null }
            })
          }
        })
        const method = url === '/me' ? 'GET' : 'POST'
        for (const at of [1, 2, 3]) {
          clock.tick(2 * minute)
          calls = 0
          from = at
          const page = await browser.clone().request({ method, url })
          const asked = calls
          from = 0
          // A function that was asked once had no time to change.
          if (page.statusCode !== 200 || asked < at) t.ok([200, 500].includes(page.statusCode), `call ${at}: ${page.statusCode}`)
          if (page.statusCode === 500) {
            t.notMatch(page.body, 'FST_SESSION_TIMEOUT_STORE')
            t.equal(page.json().code, 'FST_SESSION_TIMEOUT_INVALID_OPTION')
          } else if (asked >= at && name !== 'gives another limit') t.fail(`it ${name} at call ${at} of ${asked}, and the request went on`)
          t.same(logs.filter(line => /store failed/.test(line.msg)), [])
          t.equal((await browser.clone().get('/me')).json().userId, 'ada', 'the session is none the worse')
        }
      })
    }
  }
}

t.test('an appliesTo that fails is a 500, not a fault of the store, and the session stays', async t => {
  let broken = false
  const { browser, logs, clock } = await openScene(t, {
    timeout: {
      appliesTo (request) {
        if (broken) throw new Error('The user cannot be read')
        return request.session.userId !== undefined
      }
    },
    routes (app) {
      app.post('/note', async request => {
        request.session.note = request.id
        return 'noted'
      })
    }
  })
  clock.tick(10 * minute)
  broken = true
  const page = await browser.clone().post('/note')
  t.equal(page.statusCode, 500)
  t.notMatch(page.body, 'FST_SESSION_TIMEOUT_STORE')
  broken = false
  t.same(logs.filter(line => /store failed/.test(line.msg)), [])
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('a countsAsActivity that fails is a 500, and extends nothing', async t => {
  let broken = false
  const { browser, store, id, clock } = await openScene(t, {
    timeout: {
      countsAsActivity () {
        if (broken) throw new Error('The route cannot be read')
        return true
      }
    }
  })
  clock.tick(10 * minute)
  const before = store.data.get(id)
  broken = true
  t.equal((await browser.clone().get('/me')).statusCode, 500)
  t.equal(store.data.get(id), before)
  broken = false
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('a limit function that fails while a session is exchanged on an unchecked route is a 500, and the session stays', async t => {
  let fails = false
  const { browser, store, id } = await openScene(t, {
    timeout: { idleTimeout: () => { if (fails) throw new Error('The role cannot be read'); return '30m' } },
    routes (app) {
      app.post('/raise', { config: { sessionTimeout: false } }, async request => { await request.session.regenerate(['userId']) })
    }
  })
  fails = true
  const page = await browser.clone().post('/raise')
  t.equal(page.statusCode, 500)
  t.match(page.json(), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: 'idleTimeout failed: the function threw Error' })
  t.same(store.sessions(), [id])
  fails = false
  t.equal((await browser.get('/me')).json().userId, 'ada')
})

t.test('limit functions are asked once a request, however often its time left is', async t => {
  let calls = 0
  const { browser, clock } = await openScene(t, {
    timeout: { endpoint: '/session-timeout', idleTimeout: () => { calls++; return '30m' } },
    routes (app) {
      app.get('/often', async request => {
        await request.sessionTimeout.touch()
        return [request.sessionTimeout.remaining, request.sessionTimeout.expiresAt, request.sessionTimeout.startedAt]
      })
    }
  })
  for (const url of ['/me', '/often', '/session-timeout']) {
    clock.tick(2 * minute)
    calls = 0
    t.equal((await browser.get(url)).statusCode, 200)
    t.equal(calls, 1, url)
  }
})
