import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { secret } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { recipes } from './recipe.js'

const plugin = new URL('../../index.js', import.meta.url).href

const sessions = `
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import fp from 'fastify-plugin'
export default fp(async function sessions (app) {
  await app.register(cookie)
  await app.register(session, { secret: '${secret}', rolling: false, saveUninitialized: false, cookie: { secure: false } })
  app.post('/sign-in', async request => { request.session.userId = 'ada' })
  app.get('/', async request => ({ user: request.session.userId ?? null }))
}, { name: 'sessions' })
`

async function load (t: Test, limits: string): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const dir = t.testdir({ plugins: { 'a-sessions.mjs': sessions, 'limits.mjs': limits.replaceAll("'fastify-session-timeout'", `'${plugin}'`) } })
  app.register(autoload, { dir: `${dir}/plugins`, options: { stage: 'production' } })
  await app.ready()
  return app
}

t.test('a file that chooses its own options is loaded', async t => {
  const clock = fakeClock(t)
  const app = await load(t, recipes.get('@fastify/autoload')![0]!)
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  t.same((await browser.get('/')).json(), { user: 'ada' })
  clock.tick(15 * minute)
  t.equal((await browser.get('/')).statusCode, 401)
})

t.test('a file that hands on the options of all plugins is told which one is none', async t => {
  await t.rejects(load(t, "export { default } from 'fastify-session-timeout'"), { code: 'FST_SESSION_TIMEOUT_INVALID_OPTION', message: /stage/ })
})
