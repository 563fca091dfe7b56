import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import type { FastifySessionOptions } from '@fastify/session'
import t, { type Test } from 'tap'
import { buildApp, signedIn, type AppOptions } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

type Signer = Exclude<FastifySessionOptions['secret'], string | string[]>

const key = createHash('sha256').update('the key of the tests').digest()

const nothing = { valid: false, renew: false, value: null }

/** Encrypts the id: neither it nor a fixed signature can be seen in the cookie. */
const aes: Signer = {
  sign (value) {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')
  },
  unsign (cookie) {
    try {
      const all = Buffer.from(cookie, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, all.subarray(0, 12))
      decipher.setAuthTag(all.subarray(12, 28))
      return { valid: true, renew: false, value: Buffer.concat([decipher.update(all.subarray(28)), decipher.final()]).toString('utf8') }
    } catch {
      return nothing
    }
  }
}

/** Names the key that it used, whose names differ in length, and pads: no two signatures are alike. */
const keyed: Signer = {
  sign (value) {
    const name = ['k1', 'key-of-2026', 'k'][randomBytes(1)[0]! % 3]!
    const pad = randomBytes(1 + randomBytes(1)[0]! % 20).toString('hex')
    return `${name}~${pad}~${Buffer.from(value).toString('hex')}~${mac(name + pad + value)}`
  },
  unsign (cookie) {
    const [name = '', pad = '', hex = '', signature] = cookie.split('~')
    const value = Buffer.from(hex, 'hex').toString('utf8')
    return signature === mac(name + pad + value) ? { valid: true, renew: false, value } : nothing
  }
}

function mac (text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

const signers: Record<string, Signer | string> = {
  'that encrypts': aes,
  'of varying length': keyed,
  'of the host': 'a secret that is long enough for the signer of the host itself'
}

async function open (t: Test, session: AppOptions['session'], timeout: AppOptions['timeout'] = {}) {
  const clock = fakeClock(t)
  const store = new JsonStore()
  const { app } = await buildApp(t, { session: { store, ...session }, timeout: { appliesTo: signedIn, ...timeout } })
  return { clock, store, app, browser: createBrowser(app) }
}

for (const [name, secret] of Object.entries(signers)) {
  // One of more than 64 characters is not looked for: the cookie that the browser has will do.
  for (const cookiePrefix of ['', 's:', 'a-long.prefix~with-everything:', 'x'.repeat(70)]) {
    t.test(`a signer ${name}, prefix ${JSON.stringify(cookiePrefix)}: the session ends at its deadline`, async t => {
      // More than once: a signature may happen to look like another one.
      for (let trial = 0; trial < 5; trial++) {
        for (const [after, userId] of [[30 * minute - 1, 'ada'], [30 * minute, null]] as const) {
          await t.test(`after ${after} ms`, async t => {
            const { clock, store, browser } = await open(t, { secret, cookiePrefix }, { afterTimeout: 'continue' })
            await browser.post('/sign-in')
            clock.tick(after)
            t.match((await browser.get('/me')).json(), { userId, ended: userId === null ? 'idle' : null })
            if (userId === null) t.same(store.sessions(), [])
          })
        }
      }
    })

    t.test(`a signer ${name}, prefix ${JSON.stringify(cookiePrefix)}: an active user stays signed in`, async t => {
      const { clock, browser } = await open(t, { secret, cookiePrefix })
      await browser.post('/sign-in')
      for (let i = 0; i < 5; i++) {
        clock.tick(20 * minute)
        const page = await browser.get('/me')
        t.match(page.json(), { userId: 'ada', remaining: 30 * minute })
        t.ok(page.setCookies.length <= 1)
      }
    })

    t.test(`a signer ${name}, prefix ${JSON.stringify(cookiePrefix)}: a wrong cookieName is refused at start`, async t => {
      await t.rejects(open(t, { secret, cookiePrefix, cookieName: 'sid' }, { cookieName: 'sessionId' }), {
        code: 'FST_SESSION_TIMEOUT_INVALID_OPTION',
        message: 'cookieName must be that of @fastify/session, which is "sid", received "sessionId"'
      })
    })
  }
}

t.test('a store.get is never asked for a session that is not there, also at a first sign-in that restarts', async t => {
  const asked: unknown[] = []
  const store = new JsonStore()
  const { get } = store
  store.get = (id, callback) => {
    asked.push(id)
    get.call(store, id, callback)
  }
  const { app } = await buildApp(t, {
    session: { store },
    timeout: { appliesTo: signedIn },
    routes (app) {
      app.post('/first', async request => {
        request.session.userId = 'ada'
        await request.sessionTimeout.restart()
        return 'in'
      })
      app.post('/exchanged', async request => {
        await request.session.regenerate()
        request.session.userId = 'ada'
        await request.sessionTimeout.restart()
        return 'in'
      })
    }
  })
  for (const url of ['/first', '/exchanged']) {
    const browser = createBrowser(app)
    t.equal((await browser.post(url)).statusCode, 200)
    t.match((await browser.get('/me')).json(), { userId: 'ada' })
  }
  t.same(asked.filter(id => typeof id !== 'string'), [])
})
