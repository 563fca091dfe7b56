import { readFile } from 'node:fs/promises'
import t from 'tap'
import { errors } from '../../index.js'
import { asStoreError, failedOption } from '../../lib/errors.js'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { root } from '../helpers/root.js'
import { minute } from '../helpers/time.js'

t.test('docs/options.md lists every error that is exported', async t => {
  const text = await readFile(new URL('docs/options.md', root), 'utf8')
  const listed = [...text.matchAll(/^\| `(FST_SESSION_TIMEOUT_\w+)` \| (\d+) \|/gm)].map(([, code, status]) => `${code} ${status}`)
  const exported = Object.values(errors).map(ErrorClass => {
    const { code, statusCode } = new (ErrorClass as unknown as new () => { code: string, statusCode: number })()
    return `${code} ${statusCode}`
  })
  t.same(listed.toSorted(), exported.toSorted())
})

t.test('an error handler tells the end of a session by its class, and finds the reason', async t => {
  const clock = fakeClock(t)
  const { app } = await buildApp(t, {
    timeout: { appliesTo: signedIn, afterTimeout: 'unauthorized' },
    routes (app) {
      app.setErrorHandler((error, _request, reply) => {
        if (error instanceof errors.EndedError) return reply.code(401).send({ signedOut: error.reason })
        return reply.code(500).send({ isStale: error instanceof errors.StaleError })
      })
    }
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  t.same((await browser.get('/me')).json(), { signedOut: 'idle' })
  t.ok(await buildApp(t, { timeout: { idleTimeout: -1 } }).catch(error => error instanceof errors.InvalidOptionError && error instanceof TypeError))
})

t.test('what a store did is told as its failure, and what an option function did as its own', t => {
  const lost = new Error('connection lost')
  const told = asStoreError(lost)
  t.match(told, { code: 'FST_SESSION_TIMEOUT_STORE', statusCode: 503, cause: lost })
  t.equal(asStoreError(told), told)
  const failed = failedOption('user', lost)
  t.equal(asStoreError(failed), failed)
  t.end()
})
