import type { AddressInfo } from 'node:net'
import helmet from '@fastify/helmet'
import t, { type Test } from 'tap'
import { buildApp } from '../helpers/app.js'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { follow } from '../integration/recipe.js'

const timeout = { user: (session: { userId?: string }) => session.userId, afterTimeout: { redirectTo: '/login' }, endpoint: '/session-timeout' }

const chromium = await launchChromium(t)
if (chromium) {
  t.test('the client works under the default policy of helmet, and under one that trusts nothing but nonces', async t => {
    const complaints: string[] = []
    const context = await newProfile(t, chromium, complaints)
    for (const [path, script] of [['/plain', "'self'"], ['/account', "'strict-dynamic'"]] as const) {
      const url = await openSite(t, script)
      await context.request.post(`${url}/sign-in`)
      const page = await context.newPage()
      await page.goto(url + path)
      // Touched, then warned a second later: the dialog with all its styles.
      await page.waitForSelector('.session-timeout', { state: 'visible' })
      t.equal(await page.evaluate("getComputedStyle(document.querySelector('.session-timeout')).position"), 'fixed', `${path} is styled`)
      await page.close()
    }
    t.same(complaints, [], 'the browser had nothing to complain of')
    const inForce: string[] = []
    const refused = await (await newProfile(t, chromium, inForce)).newPage()
    for (const [path, script] of [['/inline', "'self'"], ['/plain', "'strict-dynamic'"]] as const) {
      await refused.goto(await openSite(t, script) + path)
      t.match(inForce.splice(0), [/Content Security Policy/], `and the policy is in force: ${path} with ${script}`)
    }
  })
}

/** A site whose policy for scripts is that. */
async function openSite (t: Test, script: string): Promise<string> {
  const { app } = await buildApp(t, {
    // Browsers open connections ahead of any request, and a server that closes waits for those for ever.
    server: { forceCloseConnections: true },
    timeout: { ...timeout, idleTimeout: '1m', warnBefore: '59s', touchInterval: '1s' },
    before: app => { app.register(helmet, { contentSecurityPolicy: { directives: { scriptSrc: [script] } } }) },
    async routes (app) {
      await follow('@fastify/helmet', app)
      app.get('/plain', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>Plain</title><script type="module" src="/session-timeout/client.js"></script>'))
      app.get('/inline', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>Inline</title><script>document.title = "run"</script>'))
    }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}
