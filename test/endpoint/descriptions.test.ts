import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp, signedIn } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'

const url = '/session-timeout'

t.test('the routes of the endpoint are hidden from descriptions of the API', async t => {
  const seen: Array<{ url: string, method: string | string[], hide: unknown }> = []
  const { app } = await buildApp(t, {
    timeout: { endpoint: url },
    before (app) {
      app.addHook('onRoute', route => { seen.push({ url: route.url, method: route.method, hide: (route.schema as { hide?: unknown } | undefined)?.hide }) })
    }
  })
  t.ok(app)
  const ours = seen.filter(route => route.url.startsWith(url))
  t.ok(ours.length >= 4, `${ours.length} routes`)
  for (const route of ours) t.equal(route.hide, true, `${String(route.method)} ${route.url}`)
})

/** As libraries do whose schemas are objects with methods: a plain JSON schema is a mistake to them. */
function demanding ({ schema }: { schema: unknown }): never {
  throw new TypeError(`This is no schema of the application: ${JSON.stringify(schema)}`)
}

for (const place of ['before', 'after'] as const) {
  t.test(`compilers of the application that know no JSON schema, set ${place} the plugin, do not meet its routes`, async t => {
    const set = (app: FastifyInstance): void => {
      app.setValidatorCompiler(demanding)
      app.setSerializerCompiler(demanding)
    }
    const { app } = await buildApp(t, {
      timeout: { endpoint: url, appliesTo: signedIn },
      before: app => { if (place === 'before') set(app) },
      routes: app => { if (place === 'after') set(app) }
    })
    const browser = createBrowser(app)
    await browser.post('/sign-in')
    t.equal((await browser.get(url)).json().active, true)
    t.equal((await browser.post(url, { idleFor: 1 })).statusCode, 200)
    t.equal((await browser.post(url, { idleFor: -1 })).statusCode, 400)
    t.equal((await browser.get(`${url}/client.js`)).statusCode, 200)
    t.equal((await browser.request({ method: 'DELETE', url })).statusCode, 204)
  })
}

t.test('a transform of schemas that reads every field of every route does not break on them', async t => {
  await t.resolves(buildApp(t, {
    timeout: { endpoint: url },
    before (app) {
      app.addHook('onRoute', route => {
        const schema = route.schema as { hide?: boolean, response?: Record<string, { type: string }> } | undefined
        // As @fastify/swagger: what is hidden is not read.
        if (schema?.hide) return
        for (const one of Object.values(schema?.response ?? {})) {
          if (typeof (one as { parse?: unknown }).parse !== 'function') throw new TypeError('This is no schema of the application')
        }
      })
    }
  }))
})
