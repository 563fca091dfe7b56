import swagger from '@fastify/swagger'
import { TypeBoxValidatorCompiler, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { jsonSchemaTransform, serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import t from 'tap'
import { Type } from 'typebox'
import { z } from 'zod'
import { buildApp } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'

const timeout = { user: (session: { userId?: string }) => session.userId, endpoint: '/session-timeout' }
const openapi = { openapi: '3.1.0', info: { title: 'An application', version: '1' } }

t.test('the endpoint is not part of the description of the application', async t => {
  const { app } = await buildApp(t, {
    timeout,
    before: app => { app.register(swagger, { openapi }) },
    routes: app => { app.get('/letters', { schema: { response: { 200: { type: 'array', items: { type: 'string' } } } } }, async () => []) }
  })
  const { paths } = app.swagger()
  t.ok(paths!['/letters'])
  t.same(Object.keys(paths!).filter(path => path.startsWith('/session-timeout')), [])
})

t.test('with zod as the compiler and its transform, everything is described, validated and served', async t => {
  fakeClock(t)
  const { app } = await buildApp(t, {
    timeout,
    before (app) {
      app.setValidatorCompiler(validatorCompiler)
      app.setSerializerCompiler(serializerCompiler)
      app.register(swagger, { openapi, transform: jsonSchemaTransform })
    },
    routes (app) {
      const schema = { body: z.object({ to: z.string().min(1) }), response: { 200: z.object({ sent: z.string() }) } }
      app.withTypeProvider<ZodTypeProvider>().post('/letters', { schema }, async request => ({ sent: request.body.to }))
    }
  })
  t.ok(app.swagger().paths!['/letters'])
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.post('/letters', { to: 'Grace' })).json(), { sent: 'Grace' })
  t.equal((await browser.post('/letters', { to: '' })).statusCode, 400)
  t.match((await browser.get('/session-timeout')).json(), { active: true })
  t.match((await browser.post('/session-timeout', { idleFor: 10 })).json(), { active: true })
  t.equal((await browser.post('/session-timeout', { idleFor: 'soon' })).statusCode, 400)
  t.equal((await browser.get('/session-timeout/client.js')).statusCode, 200)
})

t.test('with TypeBox as the compiler', async t => {
  fakeClock(t)
  const { app } = await buildApp(t, {
    timeout,
    before (app) {
      app.setValidatorCompiler(TypeBoxValidatorCompiler)
      app.register(swagger, { openapi })
    },
    routes (app) {
      const schema = { body: Type.Object({ to: Type.String({ minLength: 1 }) }) }
      app.withTypeProvider<TypeBoxTypeProvider>().post('/letters', { schema }, async request => ({ sent: request.body.to }))
    }
  })
  t.ok(app.swagger().paths!['/letters'])
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.post('/letters', { to: 'Grace' })).json(), { sent: 'Grace' })
  t.equal((await browser.post('/letters', { to: '' })).statusCode, 400)
  t.match((await browser.post('/session-timeout', { idleFor: 10 })).json(), { active: true })
  t.equal((await browser.request({ method: 'DELETE', url: '/session-timeout' })).statusCode, 204)
})
