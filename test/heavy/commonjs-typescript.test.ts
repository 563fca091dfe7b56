import t from 'tap'
import { installIn } from './installed.js'

const app = `
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import sessionTimeout, { policies, safeReturnPath, type FastifySessionTimeoutOptions } from 'fastify-session-timeout'

const options: FastifySessionTimeoutOptions = { ...policies.pciDss, endpoint: '/session-timeout', afterTimeout: 'unauthorized' }

async function main (): Promise<void> {
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, { secret: 'a secret that is long enough for a signature', rolling: false, saveUninitialized: false, cookie: { secure: false } })
  await app.register(sessionTimeout, options)
  app.get('/', { config: { sessionTimeout: { countsAsActivity: false } } }, async request => ({ remaining: request.sessionTimeout.remaining satisfies number | null }))
  const answer = await app.inject('/')
  console.log(answer.statusCode, safeReturnPath('//evil.example'), typeof require)
  await app.close()
}
void main()
`
const wrong = `
import sessionTimeout from 'fastify-session-timeout'
import Fastify from 'fastify'
Fastify().register(sessionTimeout, { idleTimout: '15m' })
`

for (const module of ['node16', 'node18', 'nodenext']) {
  t.test(`TypeScript with module ${module} compiles to CommonJS that runs`, async t => {
    const { run } = await installIn(t, {
      'package.json': '{ "type": "commonjs" }',
      'app.ts': app,
      'wrong.ts': wrong
    })
    const flags = ['--ignoreConfig', '--strict', '--target', 'es2022', '--types', 'node', '--module', module, '--skipLibCheck']
    const complaint = await run('typescript/bin/tsc', ...flags, 'app.ts', 'wrong.ts').catch((error: Error) => error.message)
    t.match(complaint, /wrong\.ts\([^]*idleTimout/, 'a typo is noticed')
    t.notMatch(complaint, /app\.ts\(/)
    t.equal(await run('node', 'app.js'), '200 / function\n')
  })
}

t.test('the declaration files are sound themselves', async t => {
  const { run } = await installIn(t, { 'package.json': '{ "type": "commonjs" }', 'app.ts': app, 'app.mts': app.replace(', typeof require', ", 'function'") })
  const flags = ['--ignoreConfig', '--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--module', 'node18']
  const complaints = await Promise.all(['app.ts', 'app.mts'].map(file => run('typescript/bin/tsc', ...flags, file).catch((error: Error) => error.message)))
  // Without skipLibCheck those of other packages are checked as well.
  for (const complaint of complaints) t.notMatch(complaint, /fastify-session-timeout\/.*error/)
})
