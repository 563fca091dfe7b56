import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { root } from '../helpers/root.js'

const run = promisify(execFile)

type Promised = string | { [condition: string]: Promised }

function pathsOf (promised: Promised): string[] {
  return typeof promised === 'string' ? [promised] : Object.values(promised).flatMap(pathsOf)
}

const program = `
const app = Fastify()
await app.register(cookie)
await app.register(session, { secret: 'a secret that is long enough for a signature', rolling: false, saveUninitialized: false, cookie: { secure: false } })
await app.register(sessionTimeout, { ...policies.nistAal2, endpoint: '/session-timeout' })
app.post('/sign-in', async request => { request.session.userId = 'ada' })
const [cookies] = [(await app.inject({ method: 'POST', url: '/sign-in' })).headers['set-cookie']].flat()
const status = await app.inject({ url: '/session-timeout', headers: { cookie: cookies.split(';')[0] } })
const client = await app.inject('/session-timeout/client.js')
await app.close()
console.log(JSON.stringify({ active: status.json().active, client: client.statusCode, path: safeReturnPath('//evil.example') }))
`

/** Runs against the built package, by its own name, as an application would; `npm test` builds it before. */
async function runProgram (t: Test, name: string, code: string): Promise<unknown> {
  const dir = t.testdir({ [name]: code })
  const { stdout } = await run(process.execPath, [`${dir}/${name}`], { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 30_000 })
  return JSON.parse(stdout)
}

const expected = { active: true, client: 200, path: '/' }

t.test('the built package works when imported', async t => {
  t.same(await runProgram(t, 'app.mjs', `
import Fastify from 'fastify'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import sessionTimeout, { policies, safeReturnPath } from 'fastify-session-timeout'
${program}`), expected)
})

t.test('the built package works when required', async t => {
  t.same(await runProgram(t, 'app.cjs', `
const Fastify = require('fastify')
const cookie = require('@fastify/cookie')
const session = require('@fastify/session')
const { default: sessionTimeout, policies, safeReturnPath } = require('fastify-session-timeout')
main()
async function main () {
${program}
}`), expected)
})

t.test('imported and required, it is one module: two would not know of each other', async t => {
  t.equal(await runProgram(t, 'both.mjs', `
import { createRequire } from 'node:module'
import sessionTimeout, * as imported from 'fastify-session-timeout'
const required = createRequire(import.meta.url)('fastify-session-timeout')
console.log(JSON.stringify(required.default === sessionTimeout && required.policies === imported.policies && required.safeReturnPath === imported.safeReturnPath))`), true)
})

t.test('the client can be imported where there is no window', async t => {
  t.same(await runProgram(t, 'client.mjs', `
import { startSessionTimeout } from 'fastify-session-timeout/client'
console.log(JSON.stringify(typeof startSessionTimeout))`), 'function')
})

t.test('bundlers leave out a client that is not used, and keep the one that starts itself', async t => {
  const sizeOf = async (code: string): Promise<number> => {
    const dir = t.testdir({ 'page.mjs': code })
    const { outputFiles } = await build({ entryPoints: [`${dir}/page.mjs`], bundle: true, format: 'esm', minify: true, write: false, logLevel: 'silent' })
    return outputFiles[0]!.text.length
  }
  t.equal(await sizeOf("import { startSessionTimeout } from 'fastify-session-timeout/client'"), 0)
  t.ok(await sizeOf("import 'fastify-session-timeout/client/standalone.js'") > 5000)
})

t.test('nothing but what is documented is exported', async t => {
  t.same(await runProgram(t, 'names.mjs', `
import * as all from 'fastify-session-timeout'
console.log(JSON.stringify(Object.keys(all).sort()))`), ['default', 'errors', 'policies', 'safeReturnPath'])
  await t.rejects(runProgram(t, 'deep.mjs', "import 'fastify-session-timeout/dist/lib/policy.js'"), /ERR_PACKAGE_PATH_NOT_EXPORTED/)
})

t.test('every file that the package promises is there', async t => {
  const { exports } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { exports: Promised }
  const paths = pathsOf(exports)
  t.ok(paths.length >= 5)
  // A pattern stands for many: for one of them here.
  for (const path of paths) await t.resolves(readFile(new URL(path.replace('*', 'de'), root)), path)
})

t.test('the published types are found and hold', async t => {
  const code = (name: string): string => `import Fastify from 'fastify'
import sessionTimeout, { policies } from 'fastify-session-timeout'
const app = Fastify()
app.register(sessionTimeout, { ...policies.pciDss })
app.get('/', { config: { sessionTimeout: false } }, async request => request.sessionTimeout.remaining satisfies number | null)
// @ts-expect-error ${name}: a typo
app.register(sessionTimeout, { idleTimout: '15m' })
export {}
`
  const dir = t.testdir({ 'app.mts': code('imported'), 'app.cts': code('required') })
  await t.resolves(run(process.execPath, [new URL('node_modules/typescript/bin/tsc', root).pathname, '--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck',
    '--module', 'nodenext', '--target', 'es2022', '--types', 'node', `${dir}/app.mts`, `${dir}/app.cts`]))
})
